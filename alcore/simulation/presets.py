"""The papers' protocols and one for photos by name, every value with its source."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from alcore.errors import BadInput
from alcore.simulation.ablations import ABLATIONS
from alcore.simulation.preset import Preset

VAAL_LENGTH = "MAL names no number; VAAL solver.py (same first authors): 100 times the whole training set over the batch"
VAAL_BATCH = "MAL names none; VAAL arguments.py"
MAL_RECIPE = "MAL Algorithm 3 names none; pytorch-cifar100, which MCDAL's code uses too"
PRETRAINED_RATE = "0.01 for pretrained networks as in TOD config/caltech101.py; 0.1 is for networks from scratch"
CROPPED = "the paper crops 224 out of 256; here the whole image at 224 is shifted by up to 16, black beyond its edge"
MCDAL_CODE = "MCDAL official code, conf/global_settings.py and train.py"
# A second full set of networks beside the task model is what these cost in the papers; the defaults are sized for two CPU cores.
PAPER_NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "vaal": {"width": 128, "official_kl": True},
    "sraal": {"width": 128, "relabeling_steps": 1.0, "kl_sum": True},
}
VAAL_SOURCES = "vaal.width, vaal.official_kl"
SRAAL_SOURCES = "sraal.width, sraal.relabeling_steps, sraal.kl_sum"
# Beside MAL, in every experiment of it: its training with random queries, and the same two stages without unlabeled images.
CONTROLS = tuple(ABLATIONS[name] for name in ("SSL-Random", "SL-Random"))
BESIDE = f"beside them SSL-Random ({CONTROLS[0]}) and SL-Random ({CONTROLS[1]}), a control of as many updates"
MAL_ABLATION = ("random", *ABLATIONS.values(), "mal", "mal:rule=filter_rank")
M_RATE = "MAL Algorithm 3 names none; 0.01 keeps more of what F learned than 0.1, see the parameter's help"


def _mal(name: str, title: str, data: str, *, pool: int, share: float, rounds: int, pretrained: bool, table: str, **other: Any) -> Preset:
    steps = 100 * pool // 128
    size: int = other.pop("image_size", 32)
    strategies = other.pop("strategies", ("random", "entropy", "coreset", "bald", "vaal", "mal", *CONTROLS))
    train = {
        "architecture": "resnet18",
        "weights": "imagenet" if pretrained else "none",
        "steps": steps,
        "batch_size": 128,
        "learning_rate": 0.01 if pretrained else 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "flip": True,
        "crop": 16 / 224 if size == 224 else 0.0,
        "rotation": 0.0,
    }
    rates = (1e-4, 1e-3) if pretrained else (5e-4, 5e-4)
    params: dict[str, Mapping[str, Any]] = {
        "mal": {"learning_rate_f": rates[0], "learning_rate_c": rates[1], "learning_rate_m": 0.01},
        "bald": {"dropout": 0.2},
        **PAPER_NETWORKS,
    }
    sources = {
        "strategies, init, query_size, rounds": f"MAL 4.1 and {table}; {BESIDE}",
        "seeds": "MAL 4: three runs",
        "architecture": "MAL 5.1; its parameter counts show the ImageNet stem even at 32 pixels",
        "weights": f"MAL 4.1: {'pretrained on ImageNet' if pretrained else 'random initialization'}",
        "flip, crop, rotation": "MAL 4.1: horizontal flip" + (f"; {CROPPED}" if size == 224 else "; no crop is mentioned"),
        "steps": VAAL_LENGTH,
        "batch_size": VAAL_BATCH,
        "learning_rate": f"MAL names none; {PRETRAINED_RATE if pretrained else 'pytorch-cifar100, which MCDAL code uses too'}",
        "momentum, weight_decay": MAL_RECIPE,
        "decay, warmup": "MAL names no schedule; MCDAL's, for all strategies alike",
        "mal.entropy_weight, mal.task_steps": "Algorithm 1 has no lambda, Algorithm 3 no length: as many steps as the baselines",
        "mal.learning_rate_f, mal.learning_rate_c": (
            "MAL names none; a pretrained F a tenth of C, as MME lr_schedule.py has it" if pretrained else "MAL names none; VAAL solver.py"
        ),
        "mal.learning_rate_m": M_RATE,
        VAAL_SOURCES: "VAAL model.py and solver.py",
        SRAAL_SOURCES: "SRAAL's code; as many steps as the task model has",
        "bald.dropout": "MAL 4.1",
    }
    return Preset(
        name,
        title,
        "Ebrahimi et al. 2020, arXiv 2012.10467",
        data,
        strategies,
        share,
        share,
        rounds,
        (0, 1, 2),
        train | other.pop("train", {}),
        {name: values for name, values in params.items() if name in {text.partition(":")[0] for text in strategies}},
        size,
        sources=sources | other.pop("sources", {}),
        **other,
    )


def _mcdal(name: str, title: str, data: str, *, figure: str, **other: Any) -> Preset:
    train = {
        "architecture": "resnet18_cifar",
        "weights": "none",
        "steps": 38_610,
        "batch_size": 128,
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "decay": 0.2,
        "warmup": 1 / 99,
        "flip": True,
        "crop": 0.125,
        "rotation": 15.0,
    }
    sources = {
        "strategies, init, query_size, rounds": f"MCDAL IV-A and {figure}",
        "seeds": "MCDAL IV-A: five runs",
        "learning_rate": "MCDAL IV-A: SGD 0.1",
        "decay": "MCDAL IV-A: 0.2 at 30, 60 and 80 % of the epochs",
        "architecture, weights": "MCDAL official code, model.py: ResNet-18 with a 3x3 stem, from scratch",
        "steps": f"{MCDAL_CODE}: 99 epochs of 390 iterations, whatever the number of labels",
        "batch_size": MCDAL_CODE,
        "momentum, weight_decay, warmup": MCDAL_CODE,
        "flip, crop, rotation": "MCDAL official code, utils.py",
        f"{VAAL_SOURCES}, {SRAAL_SOURCES}": "the published code of VAAL and SRAAL; as many steps as the task model has",
    }
    strategies = other.pop("strategies", ("random", "coreset", "learning_loss", "vaal", "sraal", "mcdal"))
    return Preset(
        name,
        title,
        "Cho et al. 2021, arXiv 2107.11049",
        data,
        strategies,
        0.1,
        other.pop("query_size", 0.05),
        7,
        (0, 1, 2, 3, 4),
        train | other.pop("train", {}),
        {name: values for name, values in PAPER_NETWORKS.items() if name in strategies},
        other.pop("image_size", 32),
        sources=sources | other.pop("sources", {}),
        **other,
    )


DRN = {
    "architecture": "drn_d_22",
    "weights": "imagenet",
    "weight_decay": 1e-4,
    "flip": True,
    "crop": 0.0,
    "rotation": 0.0,
}
WHOLE = "frames of the training split; both papers print 3475, which counts the validation split too: MAL's 30 % are 889 frames"
TOD_ISSUE = "TOD issue #6, on what VAAL's authors used for Cityscapes"


def _mal_masks(name: str, title: str, data: str, *, pool: int, strategies: tuple[str, ...], table: str, rounds: int = 5) -> Preset:
    steps, batch = 40 * pool // 4, 4
    train = DRN | {"steps": steps, "batch_size": batch, "learning_rate": 0.01, "momentum": 0.9}
    sources = {
        "strategies": f"MAL {table}; {BESIDE}",
        "init, query_size, rounds": f"MAL 4.2 and {table}: 10 % and 5 % of the training set, to 30 %; of {pool:,} {WHOLE}",
        "seeds": "MAL 4: three runs",
        "image_size": "MAL 4.2: 688 x 688, labels by nearest neighbor",
        "architecture": f"MAL 4.1 and 4.2: a dilated residual network, which one is not said; drn_d_22: {TOD_ISSUE}",
        "weights": "MAL Tables 5 and 6: pretrained on ImageNet; torchvision has none of DRN, so the DRN repository's file must be given",
        "flip, crop, rotation": "MAL 4.2: horizontal flip; nothing else is mentioned",
        "steps": f"MAL names no number; {TOD_ISSUE}: 40 epochs, here of the whole training set whatever the number of labels",
        "batch_size": f"MAL names none; {TOD_ISSUE}: 4",
        "learning_rate, momentum, weight_decay": "MAL names none for M; the DRN repository's README: SGD 0.01, 0.9, 1e-4",
        "decay, warmup": "MAL names no schedule; MCDAL's of classification, for all strategies alike",
        "mal.learning_rate_f, mal.learning_rate_c": f"MAL 4.2: Adam, without a rate; {TOD_ISSUE}: 5e-4",
        "mal.entropy_weight, mal.task_steps": "Algorithm 1 has no lambda, Algorithm 3 no length: as many steps as the baselines",
        "mal.head": "MAL 3.2 and 4.2: K prototype filters and an upsampling layer",
        "mal discriminator": "MAL 4.2: three convolutions and a small fully-connected layer; widths 128, 64, 32 are ours",
        "mal.learning_rate_m": M_RATE,
        VAAL_SOURCES: "VAAL model.py and solver.py; the VAE sees frames at 32 pixels, which is ours: neither paper says how it reads them",
        "bald.dropout": "MAL 4.1, of classification",
    }
    rates = {"learning_rate_f": 5e-4, "learning_rate_c": 5e-4, "learning_rate_m": 0.01}
    params = {"mal": {**rates, "head": "single"}, "vaal": PAPER_NETWORKS["vaal"], "bald": {"dropout": 0.2}}
    return Preset(
        *(name, title, "Ebrahimi et al. 2020, arXiv 2012.10467", data, strategies, 0.1, 0.05, rounds, (0, 1, 2)),
        *(train, {name: values for name, values in params.items() if name in strategies}, 688),
        sources=sources,
        task="segmentation",
    )


def _mcdal_masks() -> Preset:
    train = DRN | {
        "steps": 150 * 2_975 // 8,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "momentum": 0.99,
        "decay": 0.1,
        "milestones": "0.66667",
        "warmup": 0.0,
    }
    sources = {
        "strategies": "MCDAL IV-B",
        "init, query_size, rounds": f"MCDAL Fig. 6: 10 % to 40 %; IV-B: 150 frames a stage; of 2,975 {WHOLE}",
        "seeds": "MCDAL IV-A: five runs; IV-B prints a deviation and no number of runs",
        "image_size": "MCDAL names none; MAL 4.2 and VAAL's protocol: 688 x 688",
        "architecture": "MCDAL IV-B: DRN, which one is not said; drn_d_22 as in TOD issue #6, on what VAAL's authors used for Cityscapes",
        "weights": "MCDAL names none; the DRN repository's segment.py starts from ImageNet, and so did MAL; its file must be given",
        "learning_rate": "MCDAL IV-B: SGD 1e-3",
        "decay, milestones": "MCDAL IV-B: 0.1 after 100 of 150 epochs",
        "warmup": "MCDAL IV-B names none",
        "steps": "MCDAL IV-B: 150 epochs; of the whole training set whatever the number of labels, as its published code of classification",
        "batch_size": "MCDAL IV-B: 8",
        "momentum, weight_decay": "MCDAL names none; the DRN repository's README pairs 1e-3 with 0.99, and 1e-4",
        "flip, crop, rotation": "MCDAL names none; a flip, as MAL 4.2 on the same frames",
        "mcdal.averaging": "MCDAL IV-B: '(N,C,H,W) to (N,C) by averaging the mask'; that it is the probabilities is our reading",
        "mcdal heads": "MCDAL IV-B: the auxiliary layers are those of DRN's decoder: a 1x1 convolution and the fixed enlargement",
        "qbc.members": "MCDAL names none; acl21's ensemble: 3",
        f"{VAAL_SOURCES}, {SRAAL_SOURCES}": "the published code of VAAL and SRAAL; on frames at 32 pixels, which is ours",
    }
    return Preset(
        *("mcdal-cityscapes", "MCDAL on Cityscapes", "Cho et al. 2021, arXiv 2107.11049", "Cityscapes' leftImg8bit and gtFine"),
        ("random", "qbc", "coreset", "vaal", "sraal", "mcdal"),
        0.1,
        150,
        7,
        (0, 1, 2, 3, 4),
        train,
        {"mcdal": {"averaging": "probabilities"}, "qbc": {"members": 3}, **PAPER_NETWORKS},
        688,
        sources=sources,
        task="segmentation",
    )


_ALL = (
    _mal(
        "mal-cifar100", "MAL on CIFAR-100", "CIFAR-100's python files", pool=50_000, share=0.02, rounds=5, pretrained=True, table="Table 3"
    ),
    _mal(
        "mal-cifar100-imbalanced",
        "MAL on imbalanced CIFAR-100",
        "CIFAR-100's python files",
        pool=14_580,
        share=0.1,
        rounds=4,
        pretrained=True,
        table="Table 4",
        thin=tuple(10.0**e for e in (-2, -1.5, -1, -0.5, 0)),
        sources={"thin": "MAL 4.1: ratios 10^-2 ... 10^0, 20 random classes each. Rounding gives 14,580 images; the paper prints 14,586"},
    ),
    _mal(
        "mal-imagenet",
        "MAL on ImageNet",
        "a folder with train/ and val/, a folder a class",
        pool=1_281_167,
        share=0.05,
        rounds=4,
        pretrained=False,
        table="Table 1",
        image_size=224,
    ),
    _mal(
        "mal-inaturalist",
        "MAL on iNaturalist 2018",
        "a folder with train/ and val/, a folder a class",
        pool=437_513,
        share=0.1,
        rounds=4,
        pretrained=True,
        table="Table 2",
        image_size=224,
    ),
    _mal(
        "mal-imagenet-ablation",
        "MAL's ablation on ImageNet",
        "a folder with train/ and val/, a folder a class",
        pool=1_281_167,
        share=0.05,
        rounds=4,
        pretrained=False,
        table="Table 7, and the other reading of 'meets both criteria', of its abstract (mal:rule=filter_rank)",
        image_size=224,
        strategies=MAL_ABLATION,
    ),
    _mal(
        "mal-cifar100-vgg16",
        "MAL on CIFAR-100 with VGG-16",
        "CIFAR-100's python files",
        pool=50_000,
        share=0.02,
        rounds=4,
        pretrained=True,
        table="Table 9",
        strategies=("random", "vaal", "mal", *CONTROLS),
        train={"architecture": "vgg16_bn"},
        sources={"architecture": "MAL 5.1: VGG16-BN with one fully connected layer"},
    ),
    _mcdal("mcdal-cifar10", "MCDAL on CIFAR-10", "CIFAR-10's python files", figure="Fig. 3"),
    _mcdal(
        "mcdal-cifar10-ablation",
        "MCDAL's ablations on CIFAR-10",
        "CIFAR-10's python files",
        figure="Figs. 8 (distance), 9 (heads) and 10 (without L_dis); Fig. 9's set is named, the others' is not",
        strategies=(
            *("random", "mcdal", "mcdal:distance=l2", "mcdal:distance=kl", "mcdal:heads=4", "mcdal:heads=6", "mcdal:heads=8"),
            *("mcdal:discrepancy_weight=0", "mcdal:algorithm_1=true", "mcdal:official_updates=true"),
        ),
    ),
    _mcdal("mcdal-cifar100", "MCDAL on CIFAR-100", "CIFAR-100's python files", figure="Fig. 4"),
    _mcdal(
        "mcdal-caltech101",
        "MCDAL on Caltech-101",
        "class folders of Caltech-101; without a test split a fifth is held out",
        figure="Fig. 5",
        query_size=450,
        image_size=224,
        train={
            "architecture": "resnet18",
            "weights": "imagenet",
            "steps": 50 * 7_766 // 64,
            "batch_size": 64,
            "learning_rate": 0.01,
            "crop": 16 / 224,
            "rotation": 0.0,
        },
        sources={
            "steps": "MCDAL IV-A: 50 epochs; of 7,766 images in batches of 64 as in TOD's config/caltech101.py",
            "architecture, weights": "MCDAL names none; only a pretrained network reaches its 90.81 %; TOD config/caltech101.py",
            "batch_size": "MCDAL names none; TOD config/caltech101.py",
            "learning_rate": "TOD config/caltech101.py: 0.01 for pretrained networks; MCDAL IV-A states 0.1 for all its sets",
            "flip, crop, rotation": f"MCDAL names none; a flip, and {CROPPED.split('; ')[1]}",
            "strategies, init, query_size, rounds": "MCDAL IV-A and Fig. 5: 450 a round",
        },
    ),
    _mal_masks(
        "mal-cityscapes",
        "MAL on Cityscapes",
        "Cityscapes' leftImg8bit and gtFine",
        pool=2_975,
        strategies=("random", "entropy", "coreset", "bald", "vaal", "mal", *CONTROLS),
        table="Table 5",
    ),
    _mal_masks(
        "mal-bdd100k",
        "MAL on BDD100K",
        "BDD100K's 10K images and semantic segmentation masks",
        pool=7_000,
        strategies=("random", "entropy", "coreset", "vaal", "mal", *CONTROLS),
        table="Table 6",
    ),
    _mal_masks(
        "mal-bdd100k-ablation",
        "MAL's ablation on BDD100K",
        "BDD100K's 10K images and semantic segmentation masks",
        pool=7_000,
        strategies=MAL_ABLATION,
        table="Table 8, and the other reading of 'meets both criteria', of its abstract (mal:rule=filter_rank)",
        rounds=4,
    ),
    _mcdal_masks(),
    Preset(
        *("photos-finetune", "Photos from few labels", "ours", "class folders of photos"),
        ("random", "margin", "mcdal", "mal", *CONTROLS),
        50,
        50,
        7,
        (0, 1, 2, 3, 4),
        {"architecture": "efficientnet_lite0", "weights": "lite0", "steps": 300, "batch_size": 64, "learning_rate": 0.01, "crop": 0.125},
        {"mal": {"learning_rate_f": 1e-4, "learning_rate_c": 1e-3, "learning_rate_m": 0.01}},
        128,
        sources={
            "strategies, init, query_size, rounds, seeds": "ours: what one person labels in an hour or two",
            "architecture, weights": "Tan & Le 2019; weights trained on ImageNet, from a package of 17 MB",
            "steps, batch_size, crop, image_size": "ours, for two CPU cores; not tuned",
            "learning_rate": PRETRAINED_RATE,
            "mal.learning_rate_f, mal.learning_rate_c": "MAL names none; a pretrained F a tenth of C, as MME lr_schedule.py has it",
            "mal.learning_rate_m": M_RATE,
        },
    ),
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})


def preset_named(name: str) -> Preset:
    """The preset, or BadInput naming those there are."""
    if name not in PRESETS:
        raise BadInput(f"unknown preset {name!r}: use one of {', '.join(PRESETS)}")
    return PRESETS[name]
