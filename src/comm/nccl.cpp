#include "comm/nccl.h"

#include <cstring>

#include "core/error.h"

namespace trainyard::comm::nccl {
namespace {

ncclDataType_t type_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kHalf:
      return ncclFloat16;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kLong:
      return ncclInt64;
    default:
      throw core::Error(std::string("NCCL does not add up ") + c10::toString(type) + " tensors");
  }
}

ncclRedOp_t op_of(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return ncclSum;
    case ReduceOp::kMax:
      return ncclMax;
    case ReduceOp::kMin:
      return ncclMin;
  }
  throw core::Error("NCCL does not know this reduction");
}

}  // namespace

std::string version() {
  int number = 0;
  const ncclResult_t result = ncclGetVersion(&number);
  if (result != ncclSuccess) throw core::Error(std::string("ncclGetVersion failed: ") + ncclGetErrorString(result));
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}

std::string unique_id() {
  ncclUniqueId id;
  const ncclResult_t result = ncclGetUniqueId(&id);
  if (result != ncclSuccess) throw core::Error(std::string("ncclGetUniqueId failed: ") + ncclGetErrorString(result));
  return std::string(id.internal, sizeof(id.internal));
}

Comm::Comm(const std::string& id, int rank, int size, const Limit& limit) : rank_(rank), size_(size) {
  ncclUniqueId unique;
  if (id.size() != sizeof(unique.internal)) throw core::Error("an ncclUniqueId of another NCCL version arrived");
  std::memcpy(unique.internal, id.data(), id.size());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  try {
    settle(ncclCommInitRankConfig(&comm_, size, unique, rank, &config), "ncclCommInitRankConfig", limit);
  } catch (...) {
    abort();
    throw;
  }
}

Comm::Comm(Comm& parent, int color, int key, const Limit& limit) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  try {
    // Until the parent has settled there is no child to ask for its own state.
    parent.settle(ncclCommSplit(parent.comm_, color, key, &comm_, &config), "ncclCommSplit", limit);
    settle(ncclInProgress, "ncclCommSplit", limit);
    settle(ncclCommUserRank(comm_, &rank_), "ncclCommUserRank", limit);
    settle(ncclCommCount(comm_, &size_), "ncclCommCount", limit);
  } catch (...) {
    abort();
    throw;
  }
}

Comm::~Comm() {
  abort();
}

void Comm::all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, cudaStream_t stream,
                      const Limit& limit) {
  settle(ncclAllReduce(data, data, static_cast<std::size_t>(count), type_of(type), op_of(op), comm_, stream),
         "ncclAllReduce", limit);
}

void Comm::broadcast(void* data, std::int64_t bytes, int root, cudaStream_t stream, const Limit& limit) {
  settle(ncclBroadcast(data, data, static_cast<std::size_t>(bytes), ncclUint8, root, comm_, stream), "ncclBroadcast",
         limit);
}

void Comm::all_gather(void* output, const void* input, std::int64_t bytes, cudaStream_t stream, const Limit& limit) {
  settle(ncclAllGather(input, output, static_cast<std::size_t>(bytes), ncclUint8, comm_, stream), "ncclAllGather",
         limit);
}

void Comm::reduce_scatter(void* output, const void* input, std::int64_t count, at::ScalarType type, ReduceOp op,
                          cudaStream_t stream, const Limit& limit) {
  settle(ncclReduceScatter(input, output, static_cast<std::size_t>(count), type_of(type), op_of(op), comm_, stream),
         "ncclReduceScatter", limit);
}

void Comm::exchange(const std::vector<P2P>& messages, cudaStream_t stream, const Limit& limit) {
  settle(ncclGroupStart(), "ncclGroupStart", limit);
  // A group that was started has to be ended, whatever happens in it.
  ncclResult_t worst = ncclSuccess;
  const char* call = "ncclGroupEnd";
  for (const P2P& message : messages) {
    const std::size_t bytes = message.tensor.nbytes();
    if (bytes == 0 || worst != ncclSuccess) continue;
    const ncclResult_t result =
        message.is_send() ? ncclSend(message.tensor.const_data_ptr(), bytes, ncclUint8, message.peer, comm_, stream)
                          : ncclRecv(message.tensor.data_ptr(), bytes, ncclUint8, message.peer, comm_, stream);
    if (result == ncclSuccess || result == ncclInProgress) continue;
    worst = result;
    call = message.is_send() ? "ncclSend" : "ncclRecv";
  }
  const ncclResult_t ended = ncclGroupEnd();
  settle(worst != ncclSuccess ? worst : ended, call, limit);
}

void Comm::check_health() {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
  if (asked != ncclSuccess) fail(asked, "ncclCommGetAsyncError");
  if (state != ncclSuccess && state != ncclInProgress) fail(state, "a collective");
}

void Comm::finalize(const Limit& limit) {
  settle(ncclCommFinalize(comm_), "ncclCommFinalize", limit);
  ncclComm_t comm = comm_;
  comm_ = nullptr;
  const ncclResult_t result = ncclCommDestroy(comm);
  if (result != ncclSuccess) fail(result, "ncclCommDestroy");
}

void Comm::abort() noexcept {
  if (comm_ != nullptr) ncclCommAbort(comm_);
  comm_ = nullptr;
}

// A non-blocking communicator answers "in progress" while it connects; nothing may be put on the stream after a
// collective before that is over.
void Comm::settle(ncclResult_t result, const char* call, const Limit& limit) {
  if (result == ncclInProgress)
    poll_until(
        [&] {
          const ncclResult_t asked = ncclCommGetAsyncError(comm_, &result);
          if (asked != ncclSuccess) fail(asked, "ncclCommGetAsyncError");
          return result != ncclInProgress;
        },
        limit);
  if (result != ncclSuccess) fail(result, call);
}

void Comm::fail(ncclResult_t result, const char* call) const {
  std::string text = std::string(call) + " failed: " + ncclGetErrorString(result);
  const char* detail = comm_ != nullptr ? ncclGetLastError(comm_) : nullptr;
  if (detail != nullptr && *detail != '\0') text += std::string(" (") + detail + ")";
  throw core::Error(text);
}

}  // namespace trainyard::comm::nccl
