"""What the first steps of each method are at a level of instructions, as one sha256 each.

The table ``tests/golden/first_steps.json`` holds them; whatever changes results on purpose writes it again::

    PYTHONPATH=workflow python tests/first_steps.py > tests/golden/first_steps.json
"""

import hashlib
import json
import subprocess
import sys

STEPS = 4


def digests():
    """By method, the sha256 of all weights, averages and measures after some steps, at the level of this process."""
    from spl.data.digits import read_digits
    from spl.data.splits import draw_split
    from spl.data.store import grey_levels
    from spl.methods.registry import METHODS
    from spl.study.settings import Settings
    from spl.training.loop import train

    dataset = read_digits()
    split = draw_split(dataset.train_classes, "balanced", 0, 2)
    table = {}
    for name, method in METHODS.items():
        numbers = {key: value for key, value in method.defaults.items() if value != "calibrated"}
        settings = Settings(
            network="wrn-10-1", steps=STEPS, batch=8, ema=0.9, batch_norm_momentum=0.1, flip=False, crop_padding=1,
            evaluate_every=2, evaluate_late_every=2, threshold=0.15, lambda_u=1.5, lambda_phi=0.1, lambda_max=1.0,
        ).model_copy(update={**numbers, "instructions": sys.argv[1]})  # fmt: skip
        trained = train(dataset, grey_levels(dataset.train_images), split, name, settings, 0, lambda evaluation: None)
        hashed = hashlib.sha256(repr([evaluation.measures for evaluation in trained.evaluations]).encode())
        for key in sorted(trained.weights):
            hashed.update(trained.weights[key].numpy().tobytes())
        table[name] = hashed.hexdigest()
    return table


def table(levels):
    """By level and method; each level in a process of its own."""
    outputs = {}
    for level in levels:
        done = subprocess.run([sys.executable, __file__, level], capture_output=True, text=True, check=True)
        outputs[level] = json.loads(done.stdout)
    return outputs


if __name__ == "__main__":
    from spl.training import instructions

    if sys.argv[1:]:
        instructions.limit(sys.argv[1])
        print(json.dumps(digests()))
    else:
        print(json.dumps(table(instructions.LEVELS), indent=1))
