"""Makes model.safetensors: a PyTorch Sequential(Linear, ReLU, Linear), trained a little on the digits, with what
PyTorch makes of it: the scores of some images, and the losses of further steps of gradient descent on them."""

import csv
from pathlib import Path

import torch
from safetensors.torch import save_file

here = Path(__file__).parent
with open(here / "../../data/digits.csv") as file:
    rows = [row for row in csv.reader(line for line in file if not line.startswith("#"))]
table = torch.tensor([[float(v) for v in row] for row in rows if row[0].strip().isdigit()])
x, y = table[:, :64] / 16, table[:, 64].long()

torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))
loss = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)


def step(x, y):
    optimizer.zero_grad()
    value = loss(model(x), y)
    value.backward()
    optimizer.step()
    return value.detach()


for _ in range(100):
    step(x[100:], y[100:])
tensors = {name: value.detach().clone() for name, value in model.state_dict().items()}
tensors |= {"x": x[:100].clone(), "labels": y[:100].to(torch.uint8), "scores": model(x[:100]).detach().clone()}
tensors["losses"] = torch.stack([step(x[:100], y[:100]) for _ in range(10)])
save_file(tensors, here / "model.safetensors")
