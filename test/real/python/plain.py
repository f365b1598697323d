"""Any app: two functions with names, and a title of its own."""

import gradio as gr
from serve import serve

with gr.Blocks(title="Shouting room") as app:
    quiet = gr.Textbox(label="Quiet")
    loud = gr.Textbox(label="Loud")
    count = gr.Number(label="Times", value=1, precision=0)
    gr.Button("Shout").click(lambda text: text.upper(), quiet, loud, api_name="shout")
    gr.Button("Repeat").click(
        lambda text, times: text * int(times), [quiet, count], loud, api_name="repeat"
    )

serve(app)
