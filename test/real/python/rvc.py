"""What the web UI of RVC is known by: its title, the names of its functions, and the voices in the
dropdown that changing the voice takes first."""

import gradio as gr
from serve import serve

voices = ["alto.pth", "tenor_v2.pth"]

with gr.Blocks(title="RVC WebUI") as app:
    gr.Markdown("## RVC WebUI")
    voice = gr.Dropdown(choices=voices, label="推理音色")
    unload = gr.Button("卸载")
    speaker = gr.Slider(0, 8, step=1, value=0, label="说话人")
    path = gr.Textbox(label="音频文件")
    convert = gr.Button("转换")
    said = gr.Textbox(label="输出信息")
    unload.click(lambda: None, [], voice, api_name="infer_clean")
    convert.click(
        lambda who, file: f"{file} as {who:g}", [speaker, path], said, api_name="infer_convert"
    )
    voice.change(lambda name: 0, voice, speaker, api_name="infer_change_voice")
    gr.Button("分离").click(lambda file: file, path, said, api_name="uvr_convert")

serve(app)
