"""Every name that can be chosen, and the class or function that it stands for.

There is one table per kind. To add something, write its class or function and add its row here:
help, specs, studies and reports read these tables. Names and options are listed without importing
torch; a class is imported when it is used.
"""

from vitbench.entries import Registry, Row

PADDING = (0, 32)  # pixels
BETA = (0, 0.99999)

DATASETS = Registry(
    "data set",
    {
        "cifar10": Row(
            "vitbench.data.datasets:cifar10",
            img_size=32,
            in_chans=3,
            num_classes=10,
            train_size=50_000,
            test_size=10_000,
            classes=(
                *("airplane", "automobile", "bird", "cat", "deer"),
                *("dog", "frog", "horse", "ship", "truck"),
            ),
        ),
        "shapes": Row(
            "vitbench.data.datasets:shapes",
            img_size=32,
            in_chans=3,
            num_classes=10,
            train_size=3_200,
            test_size=1_000,
            classes=(
                *("disc-upper", "square-upper", "triangle-upper", "cross-upper", "ring-upper"),
                *("disc-lower", "square-lower", "triangle-lower", "cross-lower", "ring-lower"),
            ),
        ),
    },
)

AUGMENTATIONS = Registry(
    "augmentation",
    {
        "none": Row("vitbench.data.augment:none"),
        "baseline": Row("vitbench.data.augment:baseline", ranges={"padding": PADDING}),
        "strong": Row(
            "vitbench.data.augment:strong",
            ranges={"padding": PADDING, "jitter": (0, 1), "degrees": (0, 180)},
        ),
        "cutout": Row(
            "vitbench.data.augment:cutout",
            ranges={"padding": PADDING, "size": (0, 64), "fill": (0, 255)},
        ),
        "random-erasing": Row(
            "vitbench.data.augment:random_erasing",
            ranges={
                "padding": PADDING,
                "chance": (0, 1),
                "least": (0, 1),
                "most": (0, 1),
                "ratio": (0.3, 100),
            },
        ),
        "autoaugment": Row("vitbench.data.augment:autoaugment", ranges={"padding": PADDING}),
    },
)

POSITIONS = Registry(
    "position",
    {
        "none": Row("vitbench.model.position:Position"),
        "learned-1d": Row("vitbench.model.position:Learned1d", ranges={"std": (0, 100)}),
        "learned-2d": Row("vitbench.model.position:Learned2d", ranges={"std": (0, 100)}),
        "sinusoidal": Row("vitbench.model.position:Sinusoidal"),
        "sincos-2d": Row("vitbench.model.position:SinCos2d"),
    },
)

ATTENTIONS = Registry(
    "attention",
    {
        "softmax": Row("vitbench.model.attention:SoftmaxAttention"),
        "differential": Row("vitbench.model.attention:Differential"),
        "differential-published": Row("vitbench.model.attention:DifferentialPublished"),
    },
)

OPTIMIZERS = Registry(
    "optimizer",
    {
        "adamw": Row("vitbench.training.optimizer:adamw", ranges={"beta1": BETA, "beta2": BETA}),
        "muon": Row(
            "vitbench.training.optimizer:muon",
            ranges={
                "lr": (0, 1000),
                "weight_decay": (0, 1000),
                "momentum": BETA,
                "beta1": BETA,
                "beta2": BETA,
            },
        ),
    },
)

SCHEDULES = Registry(
    "schedule",
    {
        "cosine": Row("vitbench.training.schedule:cosine", ranges={"final": (0, 10)}),
        "cosine-by-epoch": Row("vitbench.training.schedule:cosine_by_epoch"),
        "linear": Row("vitbench.training.schedule:linear", ranges={"final": (0, 10)}),
        "constant": Row("vitbench.training.schedule:constant"),
    },
)

TRACKERS = Registry(
    "tracker",
    {
        "wandb": Row("vitbench.training.trackers.wandb:tracker"),
        "csv": Row("vitbench.training.trackers.csv:CsvTracker"),
        "none": Row("vitbench.training.trackers.none:NoTracker"),
    },
)

EXECUTORS = Registry(
    "executor",
    {
        "local": Row("vitbench.study.executors.local:Local"),
        "processes": Row("vitbench.study.executors.processes:Processes"),
    },
)

EXPLANATIONS = Registry(
    "explanation",
    {
        "attention": Row("vitbench.attention.explanations:last_attention"),
        "rollout": Row("vitbench.attention.explanations:attention_rollout"),
        "gradient-rollout": Row("vitbench.attention.explanations:attention_gradient_rollout"),
        "relevance": Row("vitbench.attention.explanations:attention_relevance"),
        "grad-cam": Row("vitbench.attention.explanations:grad_cam"),
        "gradient": Row("vitbench.attention.explanations:size_of_gradient"),
        "integrated-gradients": Row("vitbench.attention.explanations:integrated"),
        "occlusion": Row("vitbench.attention.explanations:covered"),
    },
)

FORMATS = Registry(
    "format",
    {
        "markdown": Row("vitbench.report.formats.markdown:render", suffix=".md"),
        "csv": Row("vitbench.report.formats.csv:render", suffix=".csv"),
        "json": Row("vitbench.report.formats.json:render", suffix=".json"),
        "latex": Row("vitbench.report.formats.latex:render", suffix=".tex"),
        "html": Row("vitbench.report.formats.html:render", suffix=".html"),
    },
)

PEERS = Registry(
    "peer",
    {
        "timm": Row("vitbench.bench.peers:timm"),
        "torchvision": Row("vitbench.bench.peers:torchvision"),
        "transformers": Row("vitbench.bench.peers:transformers"),
        "vit-pytorch": Row("vitbench.bench.peers:vit_pytorch"),
    },
)

FIELDS: dict[str, Registry] = {
    "data.dataset": DATASETS,
    "data.augmentation": AUGMENTATIONS,
    "model.pos_embed": POSITIONS,
    "model.attention": ATTENTIONS,
    "train.optimizer": OPTIMIZERS,
    "train.schedule": SCHEDULES,
}
"""The fields of a spec that name something, and what they choose from."""
