"""An app that asks for a user."""

import gradio as gr
from serve import serve

with gr.Blocks(title="Locked room") as app:
    word = gr.Textbox(label="Word")
    gr.Button("Turn round").click(lambda text: text[::-1], word, word, api_name="reverse")

serve(app, auth=("somebody", "a-secret"))
