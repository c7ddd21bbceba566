"""Plant faults in a copy of the source, one at a time, and see whether the tests find them.

    python scripts/planted_faults.py                        all of them
    python scripts/planted_faults.py schedule wilson        those whose names hold a word
    python scripts/planted_faults.py --jobs 2               two at a time
    python scripts/planted_faults.py --list                 their names; nothing is run

Each fault replaces a piece of text that must stand exactly once in its file, so that a fault whose
code has changed is refused, not skipped in silence. Its tests are run by pytest against the copy,
which PYTHONPATH names; the working tree is only read. Before any fault is planted the same tests
must pass on an unchanged copy. The exit code is 1 where a fault survived or could not be tried.
"""

import argparse
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "scripts", "examples")
PRELOADED = (  # what is heavy, and nothing of ours
    "pytest", "torch", "torchvision.transforms.v2", "scipy.stats", "timm.models.vision_transformer",
    "statsmodels.stats.proportion", "statsmodels.stats.multitest",
)  # fmt: skip
OUTPUT = "pytest-output.txt"
LONGEST_S = 300  # a fault may make a loop endless
PASSED, FAILED, NOT_THE_COPY = 100, 101, 199  # pytest's exit codes, and 100: 1 is a crash of ours


@dataclass(frozen=True)
class Fault:
    """A fault that someone could make, and where it should be found.

    Attributes:
        name: What is wrong, in a few words.
        file: The file, below src/vitbench.
        old: Text that stands exactly once in it.
        new: What the fault makes of it.
        tests: Test files, below tests, one of which must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


class CannotPlantError(Exception):
    """The text of a fault is not there exactly once."""


def _faults(file: str, tests: str, *faults: tuple[str, str, str]) -> tuple[Fault, ...]:
    return tuple(Fault(name, file, old, new, tuple(tests.split())) for name, old, new in faults)


FAULTS: tuple[Fault, ...] = (
    *_faults(
        "training/fit.py", "training/test_fit.py training/test_team.py",
        ("dropout-not-keyed-by-epoch",
         'derive_seed(spec.seed, f"dropout-{part}", epoch)',
         'derive_seed(spec.seed, f"dropout-{part}")'),
        ("dropout-not-keyed-by-seed",
         'derive_seed(spec.seed, f"dropout-{part}", epoch)',
         'derive_seed(0, f"dropout-{part}", epoch)'),
        ("dropout-the-same-in-each-part",
         'derive_seed(spec.seed, f"dropout-{part}", epoch)',
         'derive_seed(spec.seed, "dropout", epoch)'),
        ("learning-rate-starts-anew-each-epoch",
         "(epoch - 1) * num_steps + step", "step"),
        ("learning-rate-an-epoch-ahead",
         "(epoch - 1) * num_steps + step", "epoch * num_steps + step"),
        ("halved-rate-forgotten",
         "factor / 2**state.lr_halvings", "factor"),
        ("train-loss-over-images",
         "total_loss.item() / num_steps", "total_loss.item() / num_images"),
        ("train-accuracy-over-images-left-out-too",
         "100 * num_right.item() / num_images", "100 * num_right.item() / len(train)"),
        ("recorded-rate-is-muons",
         "state.optimizers[-1].param_groups[0]", "state.optimizers[0].param_groups[0]"),
        ("weights-kept-without-a-copy",
         "copy.deepcopy((state.model.state_dict(), optimizers))",
         "(state.model.state_dict(), optimizers)"),
        ("optimisers-not-restored-after-divergence",
         "        optimizer.load_state_dict(saved)\n", "        pass\n"),
        ("validated-on-training-images",
         "evaluate(state.model, val,", "evaluate(state.model, train,"),
    ),
    *_faults(
        "training/step.py",
        "training/test_memory_saving.py training/test_fit.py training/test_team.py",
        ("label-smoothing-ignored",
         "label_smoothing=recipe.label_smoothing", "label_smoothing=0.0"),
        ("bf16-ignored-in-steps",
         "with autocast(precision,", 'with autocast("fp32",'),
        ("gradient-clip-ignored",
         "if recipe.grad_clip is not None:", "if False:"),
        ("gradient-clip-by-value",
         "nn.utils.clip_grad_norm_(", "nn.utils.clip_grad_value_("),
        ("gradients-never-zeroed",
         "    model.zero_grad()\n", ""),
        ("parts-weighted-alike",
         "loss * (len(classes) / len(labels))", "loss / len(parts.sizes)"),
        ("gradients-of-other-parts-lost",
         "            weight.grad += gradient", "            weight.grad = gradient"),
        ("gradients-as-they-lie",
         "place in seen or gradient.stride() != weight.stride()", "place in seen"),
        ("gradients-share-memory",
         "place in seen or gradient.stride()", "gradient.stride()"),
        ("dropout-from-the-shared-generator",
         "with drawing_from(generator):", "with drawing_from(None):"),
        ("only-one-optimiser-steps",
         "    for optimizer in optimizers:\n        optimizer.step()", "    optimizers[0].step()"),
    ),
    *_faults(
        "training/team.py", "training/test_team.py",
        ("threads-not-put-back", "torch.set_num_threads(self._threads_before)", "pass"),
        ("many-threads-in-each-thread",
         "    torch.set_num_threads(number)\n", "    torch.set_num_threads(2)\n"),
        ("parts-begun-all-at-once", "islice(left, self.num_threads + 1)", "left"),
        ("errors-do-not-wait-for-other-parts", "wait=issubclass(kind, Exception)", "wait=False"),
        ("team-on-a-gpu", 'if device.type != "cpu":', "if False:"),
        ("parts-of-one-image", "num_images // LEAST_IMAGES", "num_images"),
    ),
    *_faults(
        "training/memory.py", "training/test_team.py training/test_memory_saving.py",
        ("each-thread-takes-a-micro-batch",
         "max(1, at_once // num_threads)", "at_once"),
    ),
    *_faults(
        "model/dropout.py", "training/test_team.py model/test_dropout.py",
        ("dropout-not-scaled", "values * kept / (1 - self.rate)", "values * kept"),
        ("dropout-keeps-what-it-should-drop",
         "bernoulli_(1 - self.rate, generator", "bernoulli_(self.rate, generator"),
        ("recomputed-blocks-draw-anew", "generator.set_state(state)", "pass"),
        ("generator-left-where-recomputing-began",
         "        generator.set_state(now)\n", "        pass\n"),
    ),
    *_faults(
        "training/evaluate.py", "training/test_evaluate.py",
        ("evaluated-with-dropout", "    model.eval()\n", ""),
        ("evaluation-leaves-the-model-in-eval", "    model.train(was_training)\n", ""),
        ("evaluated-with-label-smoothing",
         "functional.cross_entropy(logits, images.labels)",
         "functional.cross_entropy(logits, images.labels, label_smoothing=0.1)"),
        ("top1-of-the-least-likely", "(logits.argmax(dim=1) ==", "(logits.argmin(dim=1) =="),
        ("evaluation-ignores-the-micro-batch",
         "min(EVAL_BATCH, at_once or EVAL_BATCH, len(images))", "EVAL_BATCH"),
        ("evaluated-on-unnormalised-pixels", "model(images.inputs(part))", "model(part.float())"),
    ),
    *_faults(
        "training/device.py", "training/test_device.py",
        ("requested-precision-ignored",
         "        return spec.precision\n", '        return "fp32"\n'),
    ),
    *_faults(
        "training/checkpoint.py", "training/test_checkpoint.py",
        ("resume-loses-history", "state.history.extend(self.history)", "pass"),
        ("resume-loses-halvings",
         "self.history[-1].lr_halvings if self.history else 0", "0"),
        ("resume-loses-momentum", "optimizer.load_state_dict(saved)", "pass"),
        ("resume-from-fresh-weights",
         "state.model.load_state_dict(self.weights)", "pass"),
        ("checkpoint-before-not-kept", "        keep_as(path, before)\n", "        pass\n"),
        ("complete-checkpoint-keeps-optimisers",
         "None if complete else [o.state_dict()", "[o.state_dict()"),
        ("checksums-not-compared", "return stored and archive.testzip() is None", "return stored"),
    ),
    *_faults(
        "training/optimizer.py", "training/test_optimizer.py",
        ("decay-on-norms-and-biases", "parameter.ndim >= 2 and not", "not"),
        ("decay-on-positions",
         'name.startswith(("pos_embed.", "cls_token"))', 'name.startswith("cls_token")'),
        ("betas-ignored", "betas=betas", "betas=(0.9, 0.999)"),
        ("betas-beside-muon-ignored",
         "_adamw(others, spec, (beta1, beta2))", "_adamw(others, spec, (0.9, 0.999))"),
        ("muon-without-momentum", "weight_decay=weight_decay, momentum=momentum)",
         "weight_decay=weight_decay, momentum=0.0)"),
        ("muon-with-adamws-decay", "lr=lr, weight_decay=weight_decay,",
         "lr=lr, weight_decay=spec.weight_decay,"),
        ("rate-set-from-the-last-one", 'group["initial_lr"] * factor', 'group["lr"] * factor'),
        ("muon-on-the-head", 'p.ndim == 2 and name.startswith("blocks.")', "p.ndim == 2"),
    ),
    *_faults(
        "training/muon.py", "training/test_muon.py",
        ("muon-scale-without-root", "math.sqrt(max(1.0, shape[0] / shape[1]))",
         "max(1.0, shape[0] / shape[1])"),
        ("muon-scale-other-way-round", "shape[0] / shape[1]", "shape[1] / shape[0]"),
        ("muon-momentum-off", "torch._foreach_lerp(gradients, buffers, momentum)",
         "list(gradients)"),
        ("muon-without-nesterov", "torch._foreach_lerp(gradients, buffers, momentum)", "buffers"),
        ("muon-decay-not-by-rate", '1 - group["lr"] * group["weight_decay"]',
         '1 - group["weight_decay"]'),
        ("muon-norm-of-all-matrices", "x.norm(dim=(1, 2), keepdim=True)", "x.norm()"),
    ),
    *_faults(
        "training/schedule.py", "training/test_schedule.py",
        ("warmup-starts-at-zero", "return (step + 1) / (warmup + 1)",
         "return step / (warmup + 1)"),
        ("warmup-ends-a-step-early", "return (step + 1) / (warmup + 1)",
         "return (step + 1) / warmup"),
        ("decay-counts-warmup-steps", "(step - warmup) / max(", "step / max("),
        ("decay-never-ends", "max(total - warmup, 1)", "max(total, 1)"),
        ("cosine-ignores-its-final-rate", "return final + (1 - final) * 0.5 *", "return 0.5 *"),
        ("cosine-of-a-whole-turn",
         "math.cos(math.pi * progress)", "math.cos(2 * math.pi * progress)"),
        ("constant-at-half", "    return 1.0\n", "    return 0.5\n"),
    ),
    *_faults(
        "runs/results.py", "runs/test_results.py",
        ("merged-without-a-lock", 'with FileLock(path.with_name(f".{path.name}.lock")):',
         "if True:"),
        ("older-run-wins", "[*kept, *runs]", "[*runs, *kept]"),
        ("merge-forgets-the-others", "[*kept, *runs]", "runs"),
        ("place-without-seed", "(run.seed, run.variant): run", "(0, run.variant): run"),
        ("merge-loses-labels", "header.test_labels or there.test_labels", "header.test_labels"),
        ("merge-loses-looks", "header.precision or there.precision", "header.precision"),
        ("other-budget-accepted", "there.study.budget != header.study.budget", "False"),
    ),
    *_faults(
        "runs/results.py", "report/test_sections.py",
        ("other-semantics-averaged", "if run.semantics != first.semantics:", "if False:"),
        ("other-specs-averaged", "_differing_field(run.spec, same.spec)", "None"),
        ("other-splits-compared", "_differing_field(run.spec, first.spec, shared)", "None"),
    ),
    *_faults(
        "runs/finish.py", "runs/test_experiment.py",
        ("tested-on-training-images", 'load_images(spec.data, "test", data_dir)',
         'load_images(spec.data, "train", data_dir)'),
        ("time-of-the-last-epoch-alone", "sum(record.train_time_s for record in history)",
         "(history[-1].train_time_s if history else 0.0)"),
        ("answers-are-the-labels", "pack_classes(_as_bytes(answers.predicted))",
         "pack_classes(labels)"),
    ),
    *_faults(
        "comparison/variance.py", "comparison/test_variance.py comparison/test_coverage.py",
        ("pseudo-images-forgotten", "squares + 2 * (s * r) ** 2", "squares"),
        ("pseudo-images-of-one-variant-forgotten", "sums.by_image + 2 * num_seeds**2",
         "sums.by_image"),
        ("images-not-paired", "- 2 * s * r * product", ""),
        ("seeds-of-the-other-variant", "total = r * first.total - s * second.total",
         "total = s * first.total - r * second.total"),
        ("variance-over-images-without-bessel", "num**2 * (num - 1))", "num**3)"),
        ("variance-over-seeds-without-bessel", "(s**2 * (s - 1) * n**2)", "(s**3 * n**2)"),
        ("residual-of-the-wrong-axis", "- s * sums.by_seed + sums.total**2",
         "- sums.by_seed + sums.total**2"),
        ("residual-degrees-of-freedom", "((s * n) ** 2 * (s - 1) * (n - 1))",
         "((s * n) ** 2 * s * n)"),
    ),
    *_faults(
        "comparison/intervals.py", "comparison/test_intervals.py",
        ("welch-df-off-by-one", "variance**2 / (number - 1)", "variance**2 / number"),
        ("welch-df-of-a-sum-of-squares", "sum(variance for variance, _ in parts) ** 2",
         "sum(variance**2 for variance, _ in parts)"),
    ),
    *_faults(
        "comparison/proportions.py", "comparison/test_proportions.py comparison/test_estimates.py",
        ("one-sided-mcnemar", "2 * float(bdtr(", "float(bdtr("),
        ("mcnemar-of-all-images", "min(first_only, second_only), first_only",
         "max(first_only, second_only), first_only"),
        ("wilson-not-centred", "centre = share + z**2 / (2 * num_images)", "centre = share"),
        ("newcombe-ends-swapped", "_root(p - p_low, q_high - q, phi)",
         "_root(p - p_low, q - q_low, phi)"),
        ("newcombe-without-phi", "- 2 * phi * one * other", ""),
        ("phi-of-the-wrong-sign", "num_images * both - first * second",
         "first * second - num_images * both"),
        ("failure-rate-of-one-seed", "LEVEL ** (1 / num_seeds)", "LEVEL"),
    ),
    *_faults(
        "comparison/estimates.py", "comparison/test_estimates.py comparison/test_coverage.py",
        ("noise-counted-twice", "return max(self.image - self.noise, 0.0)", "return self.image"),
        ("normal-quantile-for-seeds", "+ q**2 * self.seed", "+ z**2 * self.seed"),
        ("no-floor-of-noise", "return max(self.measured, self.noise)", "return self.measured"),
        ("half-width-without-root", "return math.sqrt(max(z**2", "return (max(z**2"),
        ("degrees-of-freedom-not-moved", "math.pow(self.welch_df, 1 - share)", "self.welch_df"),
        ("more-seeds-leave-the-noise", "self.noise * fewer, num_seeds)",
         "self.noise, num_seeds)"),
        ("exact-test-ignored", "if self.p_value(family) >= alpha:", "if False:"),
        ("same-predictions-without-width", "if not self.first_only + self.second_only:",
         "if False:"),
        ("swapped-keeps-its-centre", "value=-self.value, centre=-self.centre",
         "value=-self.value, centre=self.centre"),
    ),
    *_faults(
        "comparison/multiplicity.py",
        "comparison/test_multiplicity.py comparison/test_coverage.py",
        ("level-not-adjusted", "math.log1p(-alpha) / num_tests", "math.log1p(-alpha)"),
        ("p-not-adjusted", "num_tests * math.log1p(-p)", "math.log1p(-p)"),
        ("equivalence-at-half-the-level", "2 * sidak_alpha(ONE_SIDED,", "sidak_alpha(ONE_SIDED,"),
        ("blocks-forgotten", "df), blocks.number)\n", "df), 1.0)\n"),
        ("pairs-of-a-block-forgotten", "maximum_modulus_p(limit, blocks.pairs, df)",
         "maximum_modulus_p(limit, 1.0, df)"),
        ("density-of-the-deviation", "+ df * x - half * np.exp(2 * x)",
         "+ df * x - half * np.exp(x)"),
        ("stopping-is-free", "Blocks(STOPPED * part.number, part.pairs)",
         "Blocks(part.number, part.pairs)"),
    ),
    *_faults(
        "comparison/contrasts.py", "comparison/test_factorial.py",
        ("weights-not-squared", "measured=weight**2 * part.measured",
         "measured=weight * part.measured"),
        ("contrast-without-pseudo-images", "[largest, -largest]", "[0.0, 0.0]"),
    ),
    *_faults(
        "comparison/factorial.py", "comparison/test_factorial.py",
        ("main-effect-not-averaged", "[sign / num_complete for", "[sign for"),
        ("interaction-without-signs", "float(math.prod(sign for _, sign in chosen))",
         "float(min(sign for _, sign in chosen))"),
        ("effects-not-adjusted", "Family.separate(max(len(estimates), 1))", "Family.separate(1)"),
    ),
    *_faults(
        "comparison/pairs.py", "comparison/test_pairs.py",
        ("family-not-counted", "of_a, of_b, family, margin",
         "of_a, of_b, Family.all_pairs(2), margin"),
        ("reference-family-of-all-pairs", "family = Family.with_reference(len(compared))",
         "family = Family.all_pairs(len(compared))"),
        ("seeds-paired-by-position", "np.stack([correct[key][seed] for seed in of_key])",
         "np.stack(list(correct[key].values())[: len(of_key)])"),
        ("some-seeds-left-out", "return tuple(first), tuple(second)",
         "return tuple(first)[:2], tuple(second)[:2]"),
        ("best-by-mean-alone", 'pair.verdict == "better"', "pair.difference_pct > 0"),
        ("lucky-seeds-compared", "    if diverged:\n", "    if diverged > 1:\n"),
        ("worst-first", "key=lambda key: -means[key]", "key=lambda key: means[key]"),
        ("accuracy-of-one-seed", "if len(correct) > 1:", "if len(correct) > 99:"),
    ),
    *_faults(
        "comparison/verdict.py", "comparison/test_pairs.py",
        ("margin-without-the-interval", "largest + half < self.margin_pct",
         "largest < self.margin_pct"),
        ("margin-of-one-side", "max(abs(self.estimate.value), abs(self.estimate.centre))",
         "self.estimate.value"),
        ("margin-at-the-level-of-one-pair", "equivalence_level(self.family), self.family)",
         "equivalence_level(self.family))"),
        ("one-checkpoint-called-better", 'return "checkpoints differ"', 'return "better"'),
        ("interval-beyond-100", "min(high, 100.0)\n\n    @cached_property\n    def p_adj",
         "high\n\n    @cached_property\n    def p_adj"),
    ),
    *_faults(
        "comparison/forecast.py", "comparison/test_pairs.py",
        ("one-seed-too-few-foreseen", "    return high\n", "    return low\n"),
        ("range-upside-down", "for p in (tail, 1 - tail))", "for p in (1 - tail, tail))"),
    ),
    *_faults(
        "study/precision.py", "study/test_precision.py",
        ("cheapest-seed-forgotten", "                / costs[key]\n", ""),
    ),
    *_faults(
        "comparison/predictions.py", "comparison/test_pairs.py",
        ("other-test-set-accepted", "not in (None, digest)", "is False"),
    ),
    *_faults(
        "data/batches.py", "data/test_batches.py",
        ("last-batch-not-full", "return num_images // batch_size",
         "return -(-num_images // batch_size)"),
        ("same-order-each-epoch", 'derive_seed(seed, "order", epoch)',
         'derive_seed(seed, "order")'),
        ("same-augmentation-each-epoch", 'derive_seed(seed, "augmentation", epoch)',
         'derive_seed(seed, "augmentation")'),
        ("augmentation-draws-with-the-order", 'derive_seed(seed, "augmentation", epoch)',
         'derive_seed(seed, "order", epoch)'),
        ("same-augmentation-each-batch", "images.images[chosen], draws)",
         "images.images[chosen], draws.manual_seed(epoch))"),
        ("not-shuffled", "torch.randperm(len(images), generator=order_generator)",
         "torch.arange(len(images))"),
    ),
    *_faults(
        "data/augment.py", "data/test_augment.py",
        ("flips-a-whole-batch", "flip = torch.rand(batch, generator=generator) < 0.5",
         "flip = (torch.rand(1, generator=generator) < 0.5).expand(batch)"),
        ("never-flips", "flip = torch.rand(batch, generator=generator) < 0.5",
         "flip = torch.rand(batch, generator=generator) < 0.0"),
        ("crops-a-whole-batch-alike",
         "torch.randint(2 * padding + 1, (2, batch), generator=generator).unbind()",
         "torch.randint(2 * padding + 1, (2, 1), generator=generator).expand(2, batch).unbind()"),
        ("crop-off-by-one", "torch.randint(2 * padding + 1,", "torch.randint(2 * padding,"),
        ("cutout-not-centred", "generator=generator) - size // 2", "generator=generator)"),
        ("erasing-area-without-root", "(area * aspect).sqrt().round()", "(area * aspect).round()"),
        ("erasing-aspect-not-logarithmic",
         "_uniform(batch * tries, math.log(0.3), math.log(ratio), generator)",
         "_uniform(batch * tries, 0.3, ratio, generator).log()"),
        ("erases-always", "(torch.rand(batch, generator=generator) < chance)",
         "(torch.rand(batch, generator=generator) < 1)"),
        ("rotates-one-way", "-degrees, degrees, generator", "0.0, degrees, generator"),
        ("rotates-half-as-far", "-degrees, degrees, generator",
         "-degrees / 2, degrees / 2, generator"),
        ("jitter-brightens-only", "1 - jitter, 1 + jitter, generator",
         "1.0, 1 + jitter, generator"),
        ("jitter-twice-as-strong", "1 - jitter, 1 + jitter, generator",
         "1 - 2 * jitter, 1 + 2 * jitter, generator"),
        ("jitter-in-one-order", "generator=generator).argsort(dim=1)",
         "generator=generator).argsort(dim=1).sort(dim=1).values"),
        ("jitter-without-saturation",
         "changes = (colour.brightness, colour.contrast, colour.saturation)",
         "changes = (colour.brightness, colour.contrast, colour.contrast)"),
        ("strong-without-jitter", "    images = _jitter_colour(images, generator, jitter)\n", ""),
    ),
    *_faults(
        "data/transforms.py", "data/test_transforms.py",
        ("padded-with-grey", "[padding] * 4)", "[padding] * 4, value=128)"),
        ("rows-and-columns-swapped", "channel_index, rows[:, None, :, None], cols",
         "channel_index, cols[:, None, :, None], rows"),
        ("mirrored-upside-down", "rows = top[:, None] + torch.arange(height, device=images.device)",
         "rows = top[:, None] + torch.where(flip[:, None], height - 1 - torch.arange(height),"
         " torch.arange(height))"),
        ("box-a-row-too-high", "(row < (top + height)", "(row <= (top + height)"),
        ("rotates-the-other-way", "[cos, -sin, zero, sin, cos, zero]",
         "[cos, sin, zero, -sin, cos, zero]"),
        ("shear-about-the-centre", "slope * (images.shape[-1] / 2)",
         "0 * slope * (images.shape[-1] / 2)"),
        ("moves-the-other-way", "-right.trunc()", "right.trunc()"),
    ),
    *_faults(
        "data/policy.py", "data/test_augment.py",
        ("policy-never-turns-signs", "torch.where(negated & signed, -size, size)", "size"),
        ("policy-turns-unsigned-too", "torch.where(negated & signed, -size, size)",
         "torch.where(negated, -size, size)"),
        ("policy-of-a-whole-batch", "torch.randint(len(CIFAR10), (batch,), generator=generator)",
         "torch.randint(len(CIFAR10), (1,), generator=generator).expand(batch)"),
        ("policy-without-its-second-step", "for step in (0, 1):", "for step in (0, 0):"),
        ("policy-always-acts", "generator=generator) < chance\n", "generator=generator) < 2\n"),
        ("posterize-one-bit-less", "(8 - torch.arange(BINS)", "(7 - torch.arange(BINS)"),
        ("solarize-from-dark-to-bright",
         "torch.linspace(1, 0, BINS)", "torch.linspace(0, 1, BINS)"),
        ("translation-by-height", "150 / 331 * width,", "150 / 331 * height,"),
    ),
    *_faults(
        "data/colour.py", "data/test_transforms.py",
        ("contrast-of-each-channel", "_grey(images).mean(dim=(1, 2, 3)",
         "images.float().mean(dim=(2, 3)"),
        ("sharpness-blurs-the-border", "pixels[..., 1:-1, 1:-1] = sharpened",
         "pixels[..., 1:-1, 1:-1] = smooth; pixels[..., 1:-1, 1:-1] = sharpened * 0.99"),
        ("solarize-above-only", "images >= _column(", "images > _column("),
        ("grey-not-rounded", "return grey.floor_().unsqueeze(1)", "return grey.unsqueeze(1)"),
    ),
    *_faults(
        "data/split.py", "data/test_split.py",
        ("class-balance-lost", "held_out[members[chosen]] = True", "held_out[chosen] = True"),
        ("split-by-the-callers-seed", "manual_seed(SPLIT_SEED)",
         "manual_seed(torch.initial_seed() % 2**32)"),
        ("first-of-each-class-validate", "torch.randperm(len(members), generator=generator)",
         "torch.arange(len(members))"),
        ("validation-images-trained-on", "full.subset((~held_out).nonzero().flatten())", "full"),
    ),
    *_faults(
        "data/image_set.py", "data/test_batches.py",
        ("pixels-not-divided", ") / std.to(images.device)", ")"),
        ("variance-for-standard-deviation", "/ std.to(images.device)",
         "/ std.to(images.device) ** 2"),
    ),
    *_faults(
        "model/position.py", "model/test_position.py",
        ("class-token-unplaced", "self.table[0, 0] if self", "None if self"),
        ("class-token-takes-a-patchs-row", "self.table[:, -self.layout.num_patches :]",
         "self.table[:, : self.layout.num_patches]"),
        ("rows-and-columns-joined-the-other-way", "torch.cat([row, col], dim=-1).flatten",
         "torch.cat([col, row], dim=-1).flatten"),
        ("sines-then-cosines", "dim=-1).flatten(1)  # (T, D)", "dim=1).flatten(1)  # (T, D)"),
        ("row-before-column", "for place in (col, row):", "for place in (row, col):"),
        ("wrong-base-of-frequencies", "-math.log(10000.0)", "-math.log(1000.0)"),
        ("frequencies-off-by-a-factor", "dtype=torch.float64) / channels",
         "dtype=torch.float64) / (2 * channels)"),
        ("spread-ignored-1d",
         "num_tokens, layout.embed_dim) * std", "num_tokens, layout.embed_dim)"),
        ("biases-averaged", "torch.stack(given).sum(0)", "torch.stack(given).mean(0)"),
        ("second-rotation-forgotten", "            q, k = position.rotate(q, k)\n",
         "            return position.rotate(q, k)\n"),
    ),
    *_faults(
        "model/attention.py", "model/test_attention.py model/test_vit.py",
        ("scores-not-by-the-root", "q.shape[-1] ** -0.5", "q.shape[-1] ** -1"),
        ("softmax-over-queries",
         "scores + bias).softmax(dim=-1)", "scores + bias).softmax(dim=-2)"),
        ("attention-dropout-ignored", "dropout_p=drop_rate)", "dropout_p=0.0)"),
        ("attention-dropout-in-evaluation", "self.attn_drop.rate * self.training",
         "self.attn_drop.rate"),
        ("projection-dropout-ignored", "self.proj_drop(self.proj(", "(self.proj("),
        ("bias-ignored", "attn_mask=bias,", "attn_mask=None,"),
        ("lambda-with-the-wrong-sign", "return first - self.lambda_part(",
         "return first + self.lambda_part("),
        ("second-softmax-added", "self.attend(q1, k1, v, bias) - self",
         "self.attend(q1, k1, v, bias) + self"),
        ("heads-not-scaled", "super().join(self.norm(attended) * self.scale)",
         "super().join(self.norm(attended))"),
        ("lambda-counts-layers-from-1", "math.exp(-0.3 * layer)", "math.exp(-0.3 * (layer + 1))"),
        ("published-scale-of-half-a-head", "return q / math.sqrt(2), k, v", "return q, k, v"),
        ("keys-and-values-swapped", "q, k, v = qkv.permute", "q, v, k = qkv.permute"),
    ),
    *_faults(
        "model/cpu_attention.py", "model/test_cpu_attention.py",
        ("plain-scores-not-by-the-root",
         "q.shape[3] ** -0.5).softmax", "q.shape[3] ** -1).softmax"),
        ("gradient-without-the-mean", "slopes.sub_(mean[part]).mul_(weights)",
         "slopes.mul_(weights)"),
        ("gradient-of-keys-not-scaled", "slopes.mT, scale, grad_k[part]",
         "slopes.mT, 1.0, grad_k[part]"),
        ("largest-score-not-subtracted", "weights.sub_(most).exp2_()", "weights.exp2_()"),
        ("last-part-left-out", "range(0, len(q), len(scores))",
         "range(0, len(q) - len(q) % len(scores), len(scores))"),
    ),
    *_faults(
        "model/block.py", "model/test_vit.py",
        ("drop-path-not-scaled", "branch * keep / (1 - self.rate)", "branch * keep"),
        ("drop-path-of-a-whole-batch", "torch.rand(len(branch), 1, 1,", "torch.rand(1, 1, 1,"),
        ("drop-path-of-tokens", "torch.rand(len(branch), 1, 1,",
         "torch.rand(len(branch), branch.shape[1], 1,"),
        ("drop-path-not-on-attention", "tokens[:, :num_tokens] + self.drop_path(attended)",
         "tokens[:, :num_tokens] + attended"),
        ("drop-path-not-on-the-mlp", "self.drop_path(self.mlp(self.norm2(tokens)))\n",
         "self.mlp(self.norm2(tokens))\n"),
        ("gelu-by-tanh", "functional.gelu(self.fc1(tokens))",
         'functional.gelu(self.fc1(tokens), approximate="tanh")'),
        ("norms-with-pytorchs-epsilon", "NORM_EPS = 1e-6", "NORM_EPS = 1e-5"),
        ("mlp-dropout-inside-only", "return self.drop(self.fc2(", "return (self.fc2("),
        ("mlp-dropout-at-its-end-only", "self.drop(functional.gelu(", "(functional.gelu("),
        ("residual-forgotten", "return tokens + self.drop_path(self.mlp(self.norm2(tokens)))\n",
         "return self.drop_path(self.mlp(self.norm2(tokens)))\n"),
    ),
    *_faults(
        "model/vit.py", "model/test_vit.py",
        ("class-token-without-its-position", "self.cls_token + placed", "self.cls_token"),
        ("embedding-dropout-ignored", "return self.pos_drop(tokens)", "return tokens"),
        ("last-norm-forgotten", "self.head(self.norm(tokens[:, 0]))", "self.head(tokens[:, 0])"),
        ("mean-before-the-norm", "self.norm(tokens).mean(dim=1)", "self.norm(tokens.mean(dim=1))"),
        ("drop-path-never-reaches-its-rate",
         "layer / max(spec.depth - 1, 1)", "layer / spec.depth"),
        ("initial-spread-without-root", "module.weight[0].numel() ** -0.5",
         "module.weight[0].numel() ** -1"),
        ("initial-weights-of-one-seed", 'derive_seed(spec.seed, "init")', 'derive_seed(0, "init")'),
        ("class-token-starts-at-zero", "nn.init.normal_(self.cls_token, std=0.02)",
         "nn.init.zeros_(self.cls_token)"),
        ("positions-drawn-first", "        self._init_weights(spec.init)\n",
         "        torch.rand(len(spec.pos_embed))\n        self._init_weights(spec.init)\n"),
    ),
    *_faults(
        "model/cost.py", "model/test_cost.py",
        ("cost-without-the-head", " + dim * data.num_classes)", ")"),
        ("cost-without-the-class-token",
         "tokens = patches + model.class_token", "tokens = patches"),
        ("cost-without-the-scores", "dim * (1 + kind.value_products)", "dim * kind.value_products"),
        ("cost-of-one-softmax", "(1 + kind.value_products)", "2"),
        ("cost-of-a-multiply-add-is-one", "return 2 * (embed", "return (embed"),
        ("cost-of-training-without-weights-gradient", "3 * forward * steps", "2 * forward * steps"),
        ("cost-of-one-epoch", "spec.train.batch_size * spec.train.epochs", "spec.train.batch_size"),
        ("cost-of-the-channels-forgotten", "dim * data.in_chans * model", "dim * model"),
    ),
    *_faults(
        "config/seeds.py", "config/test_seeds.py",
        ("seed-without-epoch", "{seed}/{purpose}/{epoch}", "{seed}/{purpose}"),
        ("seed-without-purpose", "{seed}/{purpose}/{epoch}", "{seed}/{epoch}"),
        ("seed-run-into-epoch", "{seed}/{purpose}/{epoch}", "{seed}{epoch}{purpose}"),
    ),
    *_faults(
        "config/experiment.py", "config/test_experiment.py",
        ("identity-without-precision", 'mode="json", exclude_defaults=True)',
         'mode="json", exclude_defaults=True, exclude={"train": {"precision"}})'),
        ("identity-without-normalisation", 'mode="json", exclude_defaults=True)',
         'mode="json", exclude_defaults=True, exclude={"data": {"std"}})'),
        ("identity-with-defaults", 'mode="json", exclude_defaults=True)', 'mode="json")'),
        ("identity-without-semantics", '            "semantics": self.semantics,\n', ""),
        ("base-with-its-seed", "return self.with_seed(0).identity", "return self.identity"),
        ("folders-of-all-seeds-alike", '                f"s{self.seed}",\n', ""),
    ),
    *_faults(
        "config/experiment.py", "config/test_build.py",
        ("split-not-balanced", "if held_out % classes:", "if False:"),
    ),
    *_faults(
        "attention/rollout.py", "attention/test_rollout.py",
        ("rollout-without-residual", "fuse_heads(layer, fusion), discard) + identity",
         "fuse_heads(layer, fusion), discard)"),
        ("rollout-rows-not-normalised", "(fused / fused.sum(dim=-1, keepdim=True)) @ joint",
         "(fused / 2) @ joint"),
        ("rollout-columns-normalised", "fused.sum(dim=-1, keepdim=True)",
         "fused.sum(dim=-2, keepdim=True)"),
        ("rollout-in-the-other-order", "joint = (fused / fused.sum(dim=-1, keepdim=True)) @ joint",
         "joint = joint @ (fused / fused.sum(dim=-1, keepdim=True))"),
        ("rollout-discards-the-largest", "largest=False", "largest=True"),
        ("rollout-of-signed-weights", "in weights.abs():", "in weights:"),
        ("fused-over-queries", "weights.mean(dim=1)", "weights.mean(dim=2)"),
    ),
    *_faults(
        "study/tuning.py", "study/test_tuning.py",
        ("tuned-on-the-first-value", "(ended[place], -place)", "-place"),
        ("of-equal-values-the-last", "(ended[place], -place)", "(ended[place], place)"),
        ("tuned-by-the-test-set", "result.val_top1_pct if", "result.test_top1_pct if"),
        ("trials-at-a-seed-of-the-study", "specs[variant.key].with_seed(TRIAL_SEED)",
         "specs[variant.key]"),
    ),
    *_faults(
        "study/precision.py", "study/test_precision.py",
        ("stops-at-the-first-narrow-look", "looks[-2:]]", "looks[-1:] * 2]"),
        ("narrowest-interval-for-widest", "return max(widths, default=None)",
         "return min(widths, default=None)"),
        ("look-sees-a-seed-more", "results.study_seed(run) < num_seeds",
         "results.study_seed(run) <= num_seeds"),
        ("foreseen-for-one-pair", "Family.all_pairs(num_variants)", "Family.all_pairs(2)"),
    ),
)  # fmt: skip


def plant(fault: Fault, source: Path) -> None:
    """Put a fault into a copy of the source.

    Args:
        fault: The fault.
        source: The folder that holds the package.

    Raises:
        CannotPlantError: Its text is not there exactly once.
    """
    path = source / "vitbench" / fault.file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if (times := text.count(fault.old)) != 1:
        raise CannotPlantError(
            f"{fault.name}: {fault.file} has its text {times} times, not once: {fault.old!r}"
        )
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")


class Attempt:
    """Pytest on a copy of the tree with a fault in it, or with none, in a process of its own.

    The process is forked from this one, which has imported what is heavy and nothing of ours: to
    import PyTorch anew for each fault would take longer than most tests.

    Args:
        tests: Test files, below tests.
        fault: The fault.

    Raises:
        CannotPlantError: The fault's text is not there exactly once.
    """

    def __init__(self, tests: Sequence[str], fault: Fault | None = None) -> None:
        self.fault = fault
        self.tree = Path(tempfile.mkdtemp(prefix="planted-"))
        for folder in COPIED:
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, self.tree / folder, ignore=leave)
        shutil.copy2(ROOT / "pyproject.toml", self.tree)
        if fault is not None:
            plant(fault, self.tree / "src")
        self.began = time.monotonic()
        self.process = get_context("fork").Process(target=_pytest, args=(self.tree, list(tests)))
        self.process.start()

    def is_over(self) -> bool:
        """Whether it has ended, or is ended here because it took too long."""
        if time.monotonic() - self.began > LONGEST_S:
            self.process.kill()
            self.process.join()
        return not self.process.is_alive()

    def ending(self) -> tuple[str, str]:
        """Found, survived or not tried, and why; its copy is removed."""
        output = self.tree / OUTPUT
        out = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        shutil.rmtree(self.tree)
        code = self.process.exitcode
        if code == PASSED:
            return "survived", ""
        if code == FAILED:
            failed = [line for line in out.splitlines() if line.startswith(("FAILED", "ERROR"))]
            return "found", failed[0].split()[1] if failed else ""
        if code is not None and code < 0:
            return "found", f"ended by signal {-code}, or not within {LONGEST_S} s"
        return "not tried", f"it ended with {code}: {out.strip()[-500:]}"


def _pytest(tree: Path, tests: Sequence[str]) -> None:
    """Run pytest on tests of a copy and end this process with its exit code."""
    import pytest

    output = os.open(tree / OUTPUT, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree / "src")  # for the processes that tests start
    sys.path.insert(0, str(tree / "src"))
    words = ["-x", "-q", "--no-header", "--assert=plain", "-p", "no:cacheprovider"]
    code = pytest.main([*words, *(f"tests/{test}" for test in tests)])
    ours = Path(str(sys.modules["vitbench"].__file__))
    sys.stdout.flush()
    os._exit(PASSED + int(code) if ours.is_relative_to(tree) else NOT_THE_COPY)


def attempts(faults: Sequence[Fault], jobs: int) -> Iterator[tuple[Fault, str, str]]:
    """Try faults, so many at a time; each with its ending and why, in the order of their ends."""
    waiting, running = list(faults), []
    while waiting or running:
        while waiting and len(running) < jobs:
            fault = waiting.pop(0)
            running.append(Attempt(fault.tests, fault))
        for attempt in [one for one in running if one.is_over()]:
            running.remove(attempt)
            yield (attempt.fault, *attempt.ending())
        time.sleep(0.05)


def _chosen(words: Sequence[str]) -> list[Fault]:
    """The faults whose names, or files, hold one of some words; all where there is none."""
    return [
        fault
        for fault in FAULTS
        if not words or any(word in fault.name or word in fault.file for word in words)
    ]


def what_is_wrong_with(faults: Sequence[Fault]) -> list[str]:
    """What keeps faults from being planted in the source as it is."""
    wrong = []
    for fault in faults:
        path = ROOT / "src" / "vitbench" / fault.file
        times = path.read_text(encoding="utf-8").count(fault.old) if path.is_file() else 0
        if times != 1:
            wrong.append(f"{fault.name}: {fault.file} has {fault.old!r} {times} times, not once")
        wrong += [f"{fault.name}: no {t}" for t in fault.tests if not (ROOT / "tests" / t).exists()]
    return wrong


def main() -> int:
    """Try the chosen faults and say which survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("words", nargs="*", help="parts of faults' names or files; all if none")
    parser.add_argument("--jobs", type=int, default=1, help="faults at a time (default 1)")
    parser.add_argument("--list", action="store_true", help="list the faults and run nothing")
    parser.add_argument(
        "--no-baseline", action="store_true", help="do not run the tests without a fault first"
    )
    arguments = parser.parse_args()
    faults = _chosen(arguments.words)
    if arguments.list:
        for fault in faults:
            print(f"{fault.file:24} {fault.name}")
        return 0
    if wrong := what_is_wrong_with(faults):
        print(*wrong, sep="\n", file=sys.stderr)
        return 1
    for module in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    if not arguments.no_baseline:
        whole = Attempt(sorted({test for fault in faults for test in fault.tests}))
        whole.process.join()
        ending, why = whole.ending()
        if ending != "survived":
            print(f"the tests fail without a fault: {why}", file=sys.stderr)
            return 1
    began = time.monotonic()
    endings: Counter[str] = Counter()
    for fault, ending, why in attempts(faults, max(1, arguments.jobs)):
        print(f"{ending:9} {fault.name:40} {why}", flush=True)
        endings[ending] += 1
    minutes = (time.monotonic() - began) / 60
    print(f"planted {len(faults)}, found {endings['found']}, in {minutes:.0f} minutes")
    return 0 if endings["found"] == len(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
