"""How the help of commands is laid out: the panel of each option, and an example of each command."""

_THEMES: dict[str, str] = {
    "Masks": "kinds pack variety wear color color_weight pattern textures pattern_weight code",
    "Faces": "faces auto_rotate landmarks faceless already_masked bare_faces whole camera every track",
    "What is made": "layout apart person_level pairs copies balance crop crop_margin alpha min_quality policy "
    "undecided duplicates val_share to shard_size licence half",
    "Classes": "source_class masked_class incorrect_class classes on_classes three_classes annotations box_classes",
    "Verdicts": "threshold unsure",
    "Which pictures": "order kind split quality_below sample auto_accept overlap honeypots disputed on_real groups on",
    "People": "annotator annotators of keys serve port",
    "Learning": "recipe arch weights set_ teacher vary one_at_a_time seeds resamples deterministic seed",
    "Output": "out output overwrite dry_run resume retry_failed save_every format jpeg_quality max_size draw show "
    "explain json_ csv save_crops link name prefix",
    "Computer": "workers engine ray_address device precision memory_format compile batch_size cache",
    "Weights & Biases": "wandb project group",
}
PANELS: dict[str, str] = {name: panel for panel, names in _THEMES.items() for name in names.split()}
_ORDER = list(_THEMES)


def panel_number(name: str) -> int:
    """Where an option's panel stands in the help; arguments and options without one come first."""
    return _ORDER.index(PANELS[name]) if name in PANELS else -1


EXAMPLES: dict[str, str] = {
    "generate": "maskaug generate faces/ set/ --kinds n95=2,cloth=1 --seed 1",
    "apply": "maskaug apply photo.jpg --kind surgical -o masked.jpg",
    "review": "maskaug review set/ --annotator anna --serve",
    "curate": "maskaug curate set/ final/ --val-share 0.2",
    "agreement": "maskaug agreement set/",
    "verify": "maskaug verify set/ --json",
    "train": "maskaug train final/ --recipe robust --out run/",
    "distill": "maskaug distill run/ --out student/",
    "evaluate": "maskaug evaluate run/ photographs/ --on-real",
    "predict": "maskaug predict 'photos/*.jpg' --unsure 0.35,0.65 --out results/",
    "ablate": "maskaug ablate final/ --vary lr=0.001,0.002 --out ablation/",
    "export": "maskaug export run/ -o model.onnx",
    "doctor": "maskaug doctor",
}
