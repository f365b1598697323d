"""What WanGP is known by: its title, its version in the first heading, and dropdowns with the element
ids of families and models, whose labels say how much of a model is on the disk."""

import gradio as gr
from serve import serve

families = [("Wan2.2", "wan2_2"), ("LTX Video", "ltxv"), ("Flux 1", "flux"), ("Music", "music")]
models = {
    "wan2_2": [("🟦 Text2Video", "t2v_2_2"), ("⬛ Image2Video", "i2v_2_2")],
    "ltxv": [("🟨 LTX Video 13B", "ltxv_13B")],
    "flux": [("⬛ Flux 1 Dev", "flux")],
    "music": [("⬛ ACE-Step", "ace_step")],
}


def of_family(family):
    choices = models[family]
    return gr.Dropdown(choices=choices, value=choices[0][1])


with gr.Blocks(title="WanGP") as app:
    gr.Markdown("<div align=center><H1>Wan<SUP>GP</SUP> v12.60</H1></div>")
    family = gr.Dropdown(families, value="wan2_2", show_label=False, elem_id="family_list")
    base = gr.Dropdown(
        models["wan2_2"], value="t2v_2_2", show_label=False, elem_id="model_base_types_list"
    )
    model = gr.Dropdown(models["wan2_2"], value="t2v_2_2", show_label=False, elem_id="model_list")
    family.input(
        lambda name: (of_family(name), of_family(name)),
        family,
        [base, model],
        api_name="change_model_family_target",
    )

serve(app)
