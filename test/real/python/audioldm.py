"""What AudioLDM's app is known by: no title, its heading in HTML, a dropdown of its checkpoints, and a
function without a name that gives a video."""

import gradio as gr
from serve import serve

checkpoints = ["audioldm-s-full", "audioldm-m-full", "audioldm-l-full"]

with gr.Blocks() as app:
    gr.HTML("<h1>AudioLDM: text to audio</h1>")
    text = gr.Textbox(label="Text", value="rain on a tin roof")
    seconds = gr.Slider(2.5, 10, value=5, step=2.5, label="Duration (seconds)")
    checkpoint = gr.Dropdown(checkpoints, value=checkpoints[1], label="Model")
    waveform = gr.Video(label="Output")
    gr.Button("Submit").click(lambda *_: None, [text, seconds, checkpoint], waveform)

serve(app)
