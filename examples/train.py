#!/usr/bin/env python3
"""A small but real training run, with Python's standard library alone.

A network with one hidden layer learns to tell two spirals apart, by stochastic gradient descent
written out by hand. It prints what such scripts print, saves a chart where matplotlib is there,
and can end in the ways in which training runs end:

    python3 examples/train.py                     # learns, and finishes
    python3 examples/train.py --fail crash        # an exception in the data loader
    python3 examples/train.py --fail nan          # the learning rate explodes, and the loss with it
    python3 examples/train.py --fail hang         # stops making progress, for ever
    python3 examples/train.py --fail kill         # is killed by SIGKILL, as by the OOM killer
    python3 examples/train.py --fail memory       # asks for more memory than it may have
    python3 examples/train.py --fail exit         # gives up with a message and exit status 3
"""

import argparse
import math
import os
import random
import resource
import signal
import sys
import time


def spirals(count, rng):
    """`count` points of two interleaved spirals, as ((x, y), label) with label 0 or 1."""
    points = []
    for i in range(count):
        label = i % 2
        turn = rng.random()
        angle = turn * 1.25 * math.pi + label * math.pi
        radius = 0.2 + turn
        point = (radius * math.cos(angle) + rng.gauss(0, 0.06), radius * math.sin(angle) + rng.gauss(0, 0.06))
        points.append((point, label))
    return points


class Network:
    """Two inputs, one hidden layer of tanh units, one output: the log-odds of label 1."""

    def __init__(self, hidden, rng):
        self.w1 = [[rng.gauss(0, 1.2), rng.gauss(0, 1.2), rng.gauss(0, 0.6)] for _ in range(hidden)]
        self.w2 = [rng.gauss(0, 0.4) for _ in range(hidden + 1)]

    def forward(self, point):
        x, y = point
        hidden = [math.tanh(a * x + b * y + c) for a, b, c in self.w1]
        return hidden, sum(w * h for w, h in zip(self.w2, hidden)) + self.w2[-1]

    def step(self, batch, lr):
        """One step of gradient descent. Gives mean loss, correct answers, norm of the gradient."""
        g1 = [[0.0, 0.0, 0.0] for _ in self.w1]
        g2 = [0.0] * len(self.w2)
        loss, correct = 0.0, 0
        for (x, y), label in batch:
            hidden, logit = self.forward((x, y))
            loss += cross_entropy(logit, label)
            correct += (logit > 0) == (label == 1)
            error = sigmoid(logit) - label
            for i, h in enumerate(hidden):
                g2[i] += error * h
                back = error * self.w2[i] * (1 - h * h)
                g1[i][0] += back * x
                g1[i][1] += back * y
                g1[i][2] += back
            g2[-1] += error
        n = len(batch)
        norm = math.sqrt(sum(g * g for row in g1 for g in row) + sum(g * g for g in g2)) / n
        for row, grads in zip(self.w1, g1):
            for k in range(3):
                row[k] -= lr * grads[k] / n
        for i in range(len(self.w2)):
            self.w2[i] -= lr * g2[i] / n
        return loss / n, correct, norm

    def evaluate(self, points):
        loss, correct = 0.0, 0
        for point, label in points:
            _, logit = self.forward(point)
            loss += cross_entropy(logit, label)
            correct += (logit > 0) == (label == 1)
        return loss / len(points), correct / len(points)


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def cross_entropy(logit, label):
    """-log of the probability that the network gives to the label."""
    z = logit if label == 1 else -logit
    return math.log1p(math.exp(-z)) if z >= 0 else -z + math.log1p(math.exp(z))


def load_batch(points, start, size, broken):
    """A batch of the training set; `broken` makes it what a truncated file makes of it."""
    batch = points[start : start + size]
    if broken:
        raise ValueError(f"batch {start // size}: expected {size} samples, found {len(batch) // 2} (truncated file?)")
    return batch


def exhaust_memory():
    """Asks for memory until there is no more, under a limit that keeps the machine safe."""
    limit = 512 << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    activations = []
    while True:
        activations.append(bytearray(32 << 20))


def fail(how):
    if how == "hang":
        signal.pause()
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "memory":
        exhaust_memory()
    elif how == "exit":
        print("FATAL: validation set is empty, nothing to train for", file=sys.stderr)
        sys.exit(3)


def save_chart(history, folder):
    """A chart of the losses, where matplotlib is installed."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    axes.plot([row[0] for row in history], [row[1] for row in history], label="loss")
    axes.plot([row[0] for row in history], [row[2] for row in history], label="val_loss", marker="o")
    axes.set_xlabel("epoch")
    axes.legend()
    os.makedirs(folder, exist_ok=True)
    partial = os.path.join(folder, ".loss.png")
    figure.savefig(partial, format="png")
    pyplot.close(figure)
    os.replace(partial, os.path.join(folder, "loss.png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=0.6)
    parser.add_argument("--pause", type=float, default=0.01, metavar="SECONDS", help="wait after every step")
    parser.add_argument("--plots", metavar="FOLDER", help="save a chart here after every epoch")
    parser.add_argument("--fail", choices=["crash", "nan", "hang", "kill", "memory", "exit"], help="how to end")
    parser.add_argument("--at", type=int, default=7, metavar="EPOCH", help="the epoch in which to fail")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    train, valid = spirals(960, rng), spirals(240, rng)
    network = Network(24, rng)
    size, step, history, lr_bug = 32, 0, [], 1.0
    print(f"training on {len(train)} points, validating on {len(valid)}, {args.epochs} epochs")

    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        lr = args.lr * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / args.epochs))
        total = 0.0
        for start in range(0, len(train), size):
            failing = args.fail if epoch == args.at and start >= len(train) // 2 else None
            if failing:
                fail(failing)
            if args.fail == "nan" and epoch >= args.at:
                lr_bug *= 1e12  # a schedule that multiplies where it should divide
            batch = load_batch(train, start, size, failing == "crash")
            loss, correct, norm = network.step(batch, lr * lr_bug)
            total += loss * len(batch)
            step += 1
            if step % 5 == 0:
                print(f"epoch {epoch}/{args.epochs} step {step} loss {loss:.5g} acc {correct / size:.3f} "
                      f"grad_norm {norm:.3f} lr {lr * lr_bug:.2e}")
            time.sleep(args.pause)
        val_loss, val_acc = network.evaluate(valid)
        history.append((epoch, total / len(train), val_loss))
        print(f"epoch {epoch}/{args.epochs} done: train_loss={total / len(train):.5g} val_loss={val_loss:.5g} "
              f"val_acc={100 * val_acc:.1f}%")
        if args.plots:
            save_chart(history, args.plots)
    print("training finished")


if __name__ == "__main__":
    main()
