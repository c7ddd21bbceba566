"""Where does a model of timm find its answer? A ViT of timm or torchvision becomes ours first.

python examples/explain_timm.py
"""

import timm
import torch

import vitbench

torch.manual_seed(0)
theirs = timm.models.VisionTransformer(
    img_size=32, patch_size=4, embed_dim=48, depth=2, num_heads=4, num_classes=10
)
model = vitbench.adopt(theirs)  # the same logits, or an error that says what is different

images = torch.randn(2, 3, 32, 32)  # normalised as the model wants them
answers = model(images).argmax(dim=1)
for method in ("rollout", "relevance", "integrated-gradients"):
    maps = vitbench.explain(method, model, images, answers)  # (2, 8, 8), a number a patch
    row, col = divmod(maps[0].argmax().item(), maps.shape[2])
    print(f"{method}: class {answers[0]} of image 0 lies most in row {row}, column {col}")
