#include "operations.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <memory>

namespace trainyard::test {
namespace {

using comm::P2P;
using comm::ReduceOp;

const std::vector<at::ScalarType> kReducible = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong};
const std::vector<at::ScalarType> kAny = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                                          at::kLong,  at::kInt,    at::kByte, at::kBool};
constexpr ReduceOp kReduceOps[] = {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin};

/// factor * ((i mod 7) - 3) + offset.
at::Tensor pattern(std::int64_t factor, std::int64_t offset, std::int64_t size, at::ScalarType type) {
  const at::Tensor tensor = at::empty({size}, at::kLong);
  auto* values = tensor.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < size; ++i)
    values[i] = factor * (i % 7 - 3) + offset;
  return tensor.to(type);
}

void expect_equal(const at::Tensor& found, const at::Tensor& wanted) {
  EXPECT_TRUE(at::equal(found.cpu(), wanted));
}

/// Memory that no result should be left in.
at::Tensor garbage(const Case& with, std::int64_t size) {
  return at::full({size}, 93, at::TensorOptions().dtype(with.type).device(with.device));
}

at::Tensor own_content(const Case& with) {
  return content(with.group.rank(), with.size, with.type).to(with.device);
}

/// The blocks of every rank, one after the other: block `b` of rank `r` is content(r + b).
at::Tensor own_blocks(const Case& with) {
  std::vector<at::Tensor> blocks;
  for (int block = 0; block < with.group.size(); ++block)
    blocks.push_back(content(with.group.rank() + block, with.size, with.type));
  return at::cat(blocks).to(with.device);
}

void all_reduce(const Case& with) {
  for (const ReduceOp op : kReduceOps) {
    const at::Tensor tensor = own_content(with);
    with.group.all_reduce(tensor, op)->wait();
    expect_equal(tensor, combined(op, with.group.size(), with.size, with.type));
  }
}

void broadcast(const Case& with) {
  for (int root = 0; root < with.group.size(); ++root) {
    const at::Tensor tensor = own_content(with);
    with.group.broadcast(tensor, root)->wait();
    expect_equal(tensor, content(root, with.size, with.type));
  }
}

void expect_gathered(const Case& with, const at::Tensor& output) {
  const at::Tensor host = output.cpu();
  for (int rank = 0; rank < with.group.size(); ++rank)
    expect_equal(host.slice(0, rank * with.size, (rank + 1) * with.size), content(rank, with.size, with.type));
}

void all_gather(const Case& with) {
  const at::Tensor output = garbage(with, with.group.size() * with.size);
  with.group.all_gather(output, own_content(with))->wait();
  expect_gathered(with, output);
}

void all_gather_in_place(const Case& with) {
  const at::Tensor output = garbage(with, with.group.size() * with.size);
  const at::Tensor own = output.slice(0, with.group.rank() * with.size, (with.group.rank() + 1) * with.size);
  own.copy_(own_content(with));
  with.group.all_gather(output, own)->wait();
  expect_gathered(with, output);
}

/// combined() of the blocks that are `rank`'s: rank r contributes content(r + rank).
at::Tensor scattered(const Case& with, ReduceOp op) {
  const int ranks = with.group.size();
  const int shift = with.group.rank();
  return combined(op, ranks, with.size, with.type).add_(op == ReduceOp::kSum ? ranks * shift : shift);
}

void reduce_scatter(const Case& with) {
  for (const ReduceOp op : kReduceOps) {
    const at::Tensor input = own_blocks(with);
    const at::Tensor before = input.clone();
    const at::Tensor output = garbage(with, with.size);
    with.group.reduce_scatter(output, input, op)->wait();
    expect_equal(output, scattered(with, op));
    expect_equal(input, before.cpu());
  }
}

void reduce_scatter_in_place(const Case& with) {
  const int ranks = with.group.size();
  for (const ReduceOp op : kReduceOps) {
    const at::Tensor input = own_blocks(with);
    const at::Tensor before = input.cpu().clone();
    const int self = with.group.rank();
    const at::Tensor own = input.slice(0, self * with.size, (self + 1) * with.size);
    with.group.reduce_scatter(own, input, op)->wait();
    expect_equal(own, scattered(with, op));
    expect_equal(input.slice(0, 0, self * with.size), before.slice(0, 0, self * with.size));
    expect_equal(input.slice(0, (self + 1) * with.size, ranks * with.size),
                 before.slice(0, (self + 1) * with.size, ranks * with.size));
  }
}

/// Everybody sends to everybody, in one exchange.
void exchange_among_all(const Case& with) {
  const int self = with.group.rank();
  std::vector<at::Tensor> received(static_cast<std::size_t>(with.group.size()));
  std::vector<P2P> messages;
  for (int peer = 0; peer < with.group.size(); ++peer) {
    if (peer == self) continue;
    at::Tensor& tensor = received[static_cast<std::size_t>(peer)] = garbage(with, with.size);
    messages.push_back(P2P::receive(tensor, peer));
    messages.push_back(P2P::send(content(self + 2 * peer, with.size, with.type).to(with.device), peer));
  }
  with.group.exchange(messages)->wait();
  for (int peer = 0; peer < with.group.size(); ++peer)
    if (peer != self)
      expect_equal(received[static_cast<std::size_t>(peer)], content(peer + 2 * self, with.size, with.type));
}

/// Round a ring, several exchanges under way at once and each of another content: messages keep their order.
void exchange_round_a_ring(const Case& with) {
  constexpr int kRounds = 4;
  const int ranks = with.group.size();
  if (ranks == 1) return;
  const int self = with.group.rank();
  const int left = (self + ranks - 1) % ranks;
  std::vector<at::Tensor> received;
  std::vector<std::shared_ptr<comm::Work>> works;
  for (int round = 0; round < kRounds; ++round) {
    received.push_back(garbage(with, with.size + round));
    const at::Tensor sent = content(self + 3 * round, with.size + round, with.type).to(with.device);
    works.push_back(with.group.exchange({P2P::send(sent, (self + 1) % ranks), P2P::receive(received.back(), left)}));
  }
  for (int round = kRounds - 1; round >= 0; --round) {
    works[static_cast<std::size_t>(round)]->wait();
    expect_equal(received[static_cast<std::size_t>(round)], content(left + 3 * round, with.size + round, with.type));
  }
}

}  // namespace

at::Tensor content(int rank, std::int64_t size, at::ScalarType type) {
  return pattern(1, rank, size, type);
}

at::Tensor combined(ReduceOp op, int ranks, std::int64_t size, at::ScalarType type) {
  if (op == ReduceOp::kSum) return pattern(ranks, ranks * (ranks - 1) / 2, size, type);
  return pattern(1, op == ReduceOp::kMax ? ranks - 1 : 0, size, type);
}

const std::vector<DrivenOperation>& driven_operations() {
  static const std::vector<DrivenOperation> operations = {
      {"all_reduce", kReducible, all_reduce},
      {"broadcast", kAny, broadcast},
      {"all_gather", kAny, all_gather},
      {"all_gather_in_place", kAny, all_gather_in_place},
      {"reduce_scatter", kReducible, reduce_scatter},
      {"reduce_scatter_in_place", kReducible, reduce_scatter_in_place},
      {"exchange_among_all", kAny, exchange_among_all},
      {"exchange_round_a_ring", kAny, exchange_round_a_ring},
  };
  return operations;
}

}  // namespace trainyard::test
