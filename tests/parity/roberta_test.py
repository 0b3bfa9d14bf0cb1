"""Our RoBERTa against Hugging Face's: the same saved folder, the same padded batches. Logits of both heads, the gradient of
every parameter, and the losses of 20 AdamW steps, alone and over ranks.

  roberta_test.py LOGITS STEPS MPIRUN...     LOGITS and STEPS are tests/roberta_logits and tests/train_steps
"""

import os
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import torch

import safetensors_io

try:
    from transformers import RobertaConfig, RobertaForMaskedLM, RobertaForSequenceClassification
except ImportError as error:
    print(f"skipped: no transformers ({error}): env/setup.sh --tests brings it")
    sys.exit(77)

STEPS, SAMPLES, LENGTH, PADDING = 20, 16, 24, 1
TOLERANCE = 1e-4
LR = 1e-4
RUNS = [
    (1, ["strategy=single"]),
    (1, ["strategy=single", "activation-checkpointing=block"]),
    (1, ["strategy=single", "activation-checkpointing=stage", "accumulate=2"]),
    (2, ["strategy=ddp"]),
    (2, ["strategy=zero1"]),
    (2, ["strategy=zero3"]),
    (1, ["strategy=dp", "devices=2"]),
    (1, ["strategy=model-parallel", "devices=2"]),
    (2, ["strategy=pipeline", "micro-batches=4"]),
    (2, ["strategy=pipeline", "pipeline-schedule=gpipe", "activation-checkpointing=block"]),
    (4, ["strategy=pipeline", "stages=2"]),
]


def make(kind, seed):
    torch.manual_seed(seed)
    config = RobertaConfig(
        vocab_size=200, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=40, type_vocab_size=1, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        initializer_range=0.1, pad_token_id=PADDING, num_labels=2,
    )  # fmt: skip
    return kind(config).train()


def padded(*shape):
    tokens = torch.randint(3, 200, (*shape, LENGTH))
    lengths = torch.randint(4, LENGTH + 1, (*shape, 1))
    return torch.where(torch.arange(LENGTH) < lengths, tokens, PADDING)


def outputs(model, tokens):
    return model(input_ids=tokens, attention_mask=tokens.ne(PADDING)).logits


def check(what, worst, tolerance=TOLERANCE):
    print(f"{what}: within {worst:.1e}: {'ok' if worst <= tolerance else 'FAILED'}")
    return bool(worst <= tolerance)


def compare_logits(program):
    passed = True
    heads = [(RobertaForSequenceClassification, "classifier"), (RobertaForMaskedLM, "masked-language")]
    for kind, head in heads:
        with tempfile.TemporaryDirectory() as folder:
            model = make(kind, 5)
            model.save_pretrained(folder)
            tokens = padded(8)
            safetensors_io.save(f"{folder}/tokens.safetensors", {"tokens": tokens.numpy()})
            subprocess.run([program, folder, head], check=True, timeout=120)
            ours = torch.from_numpy(safetensors_io.load(f"{folder}/logits.safetensors")["logits"].copy())
            with torch.no_grad():
                theirs = outputs(model.eval(), tokens)
            if head == "masked-language":
                ours, theirs = ours[tokens.ne(PADDING)], theirs[tokens.ne(PADDING)]
            passed &= check(f"logits of {head}", ((ours - theirs).abs().max() / theirs.abs().max()).item())
    return passed


def write_inputs(folder, steps):
    model = make(RobertaForSequenceClassification, 6)
    model.save_pretrained(folder)
    initial = {name: value.numpy() for name, value in model.state_dict().items()}
    safetensors_io.save(f"{folder}/initial.safetensors", initial)
    tokens, labels = padded(steps, SAMPLES), torch.randint(0, 2, (steps, SAMPLES))
    safetensors_io.save(f"{folder}/batches.safetensors", {"images": tokens.numpy(), "labels": labels.numpy()})
    return model, tokens, labels


def run_steps(program, mpirun, folder, ranks, keys):
    command = mpirun + ["-n", str(ranks), program, folder, "model=roberta-tiny", f"batch-size={SAMPLES}"] + keys
    subprocess.run(command, check=True, timeout=300)
    return safetensors_io.load(f"{folder}/trainyard.safetensors")


def compare_gradients(program, mpirun):
    """A step of plain SGD at rate 1 moves each parameter by its gradient."""
    with tempfile.TemporaryDirectory() as folder:
        model, tokens, labels = write_inputs(folder, 1)
        torch.nn.functional.cross_entropy(outputs(model, tokens[0]), labels[0]).backward()
        after = run_steps(program, mpirun, folder, 1, ["strategy=single", "optimizer=sgd", "lr=1", "momentum=0"])
    after.pop("losses")
    theirs = {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}
    assert set(after) == set(theirs), set(after) ^ set(theirs)
    largest = max(numpy.abs(gradient).max() for gradient in theirs.values())
    passed = True
    for name, parameter in model.named_parameters():
        ours = parameter.detach().numpy() - after[name]
        worst = numpy.abs(ours - theirs[name]).max() / largest
        if not worst <= 1e-5:
            passed = check(f"gradient of {name}", worst, 1e-5)
    print(f"gradients of {len(theirs)} parameters compared")
    return passed


def compare_training(program, mpirun):
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        model, tokens, labels = write_inputs(folder, STEPS)
        optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.01)
        theirs = []
        for step in range(STEPS):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(outputs(model, tokens[step]), labels[step])
            loss.backward()
            optimizer.step()
            theirs.append(loss.item())
        for ranks, keys in RUNS:
            common = ["optimizer=adamw", f"lr={LR}", "weight-decay=0.01"]
            ours = run_steps(program, mpirun, folder, ranks, common + keys)["losses"]
            passed &= check(f"{' '.join(keys)}, {ranks} rank(s), losses", numpy.abs(ours / numpy.array(theirs) - 1).max())
    return passed


def main():
    logits, steps, mpirun = sys.argv[1], sys.argv[2], sys.argv[3:]
    torch.set_num_threads(1)
    passed = [compare_logits(logits), compare_gradients(steps, mpirun), compare_training(steps, mpirun)]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
