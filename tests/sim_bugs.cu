// Kernels and calls with one planted bug each: `sim_bugs NAME` runs one.  The simulated device must report it; the test
// is sim_test.sh beside this file.  `sim_bugs right` runs correct kernels, of which nothing must be said; without a
// name it says how it was built: plain, asan or check.
// Exit status: 0 nothing noticed, 2 an API call failed, 3 a wrong result.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr int kCount = 1024;

// ---- kernels --------------------------------------------------------------------------------------------------------

__global__ void write_beyond(float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i <= n) y[i] = 1;  // planted: <=
}
__global__ void write_beyond_shared(float* y) {
  __shared__ float tile[64];
  float* to = tile + 1;  // planted: + 1
  to[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}
__global__ void no_barrier(const float* x, float* y) {
  __shared__ float tile[256];
  tile[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = tile[255 - threadIdx.x];  // planted: no barrier before
}
__global__ void no_second_barrier(const float* x, float* y, int rounds) {
  __shared__ float tile[128];
  float sum = 0;
  for (int r = 0; r < rounds; ++r) {
    tile[threadIdx.x] = x[r * 128 + static_cast<int>(threadIdx.x)];
    __syncthreads();
    sum += tile[(threadIdx.x * 7 + 5) % 128];  // planted: no barrier before the next round
  }
  y[threadIdx.x] = sum;
}
__global__ void uninitialised(const float* x, float* y, int n) {
  __shared__ float tile[128];
  if (static_cast<int>(threadIdx.x) < n) tile[threadIdx.x] = x[threadIdx.x];  // planted: the rest is not written
  __syncthreads();
  float sum = 0;
  for (int i = 0; i < 128; ++i) sum += tile[i];
  y[threadIdx.x] = sum;
}
__global__ void divergent(const float* x, float* y) {
  if (threadIdx.x < 100) {  // planted: two barriers for two halves
    y[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
  } else {
    __syncthreads();
    y[threadIdx.x] = 0;
  }
}
__global__ void early_return(const float* x, float* y, int n) {
  __shared__ float tile[128];
  if (static_cast<int>(threadIdx.x) >= n) return;  // planted: before a barrier
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[(threadIdx.x + 1) % static_cast<unsigned>(n)];
}
__global__ void no_atomic(const float* x, float* y) {
  if (threadIdx.x == 0) *y += x[blockIdx.x];  // planted: every block adds
}
__global__ void no_syncwarp(const float* x, float* y) {
  __shared__ float tile[32];
  tile[threadIdx.x] = x[threadIdx.x];
  if (threadIdx.x < 16) tile[threadIdx.x] += tile[threadIdx.x + 16];  // planted: lanes do not run in step
  y[threadIdx.x] = tile[threadIdx.x % 16];
}
__global__ void absent_lane(const float* x, float* y, int n) {
  float v = 0;
  if (static_cast<int>(threadIdx.x) < n) v = __shfl_down_sync(0xffffffffu, x[threadIdx.x], 1);  // planted: not all come
  y[threadIdx.x] = v;
}
__global__ void lane_outside_mask(const float* x, float* y) {
  float v = 0;
  if (threadIdx.x < 16) v = __shfl_sync(0xffffu, x[threadIdx.x], 20);  // planted: lane 20 is not in the mask
  y[threadIdx.x] = v;
}
__global__ void copy(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }
struct alignas(16) Four {
  float x, y, z, w;
};
__global__ void misaligned(const float* x, float* y) {
  const Four v = *reinterpret_cast<const Four*>(x + 1);  // planted: + 1
  y[threadIdx.x] = v.x + v.y + v.z + v.w;
}

// Correct: a sum through shared memory, shuffles, an atomic and a ballot.
__global__ void right_sum(const float* x, float* y) {
  __shared__ float warps[8];
  float v = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (unsigned step = 16; step > 0; step /= 2) v += __shfl_down_sync(0xffffffffu, v, step);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = v;
  __syncthreads();
  const unsigned votes = __ballot_sync(0xffffffffu, threadIdx.x % 2 == 0);
  if (threadIdx.x == 0 && votes == 0x55555555u) {
    for (int w = 1; w < 8; ++w) v += warps[w];
    atomicAdd(y, v);
  }
}

// ---- the host's side ------------------------------------------------------------------------------------------------

void must(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::printf("failed: %s\n", cudaGetErrorName(error));
  std::exit(2);
}
void must(cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  std::printf("failed: %s\n", cublasGetStatusString(status));
  std::exit(2);
}

template <class... P>
cudaError_t start(void (*kernel)(P...), dim3 grid, dim3 block, cudaStream_t stream, std::type_identity_t<P>... args) {
  void* pointers[] = {&args...};
  return cudaLaunchKernel(kernel, grid, block, pointers, 0, stream);
}

struct Bench {
  float *x = nullptr, *y = nullptr;  // on the device: 0, 1, 2 ... and zeros
  std::vector<float> host;
  cudaStream_t stream = nullptr;

  Bench() {
    for (int i = 0; i < kCount; ++i) host.push_back(static_cast<float>(i));
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    must(cudaMalloc(reinterpret_cast<void**>(&x), kCount * sizeof(float)));
    must(cudaMalloc(reinterpret_cast<void**>(&y), kCount * sizeof(float)));
    must(cudaMemcpyAsync(x, host.data(), kCount * sizeof(float), cudaMemcpyHostToDevice, stream));
    must(cudaMemsetAsync(y, 0, kCount * sizeof(float), stream));
    must(cudaStreamSynchronize(stream));
  }
  void expect(float want, float got) const {
    if (want == got) return;
    std::printf("wrong result: %g, expected %g\n", static_cast<double>(got), static_cast<double>(want));
    std::exit(3);
  }
  void finish(bool all = true) {
    must(cudaStreamSynchronize(stream));
    must(cudaFree(x));
    if (all) must(cudaFree(y));
    must(cudaStreamDestroy(stream));
  }
};

void run_right(Bench& b) {
  must(start(right_sum, 4, 256, b.stream, b.x, b.y));
  float* pinned = nullptr;
  must(cudaMallocHost(reinterpret_cast<void**>(&pinned), sizeof(float)));
  cudaStream_t other;
  cudaEvent_t ready;
  must(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
  must(cudaEventCreateWithFlags(&ready, cudaEventDisableTiming));
  must(cudaEventRecord(ready, b.stream));
  must(cudaStreamWaitEvent(other, ready));
  must(cudaMemcpyAsync(pinned, b.y, sizeof(float), cudaMemcpyDeviceToHost, other));
  must(cudaStreamSynchronize(other));
  b.expect(kCount * (kCount - 1) / 2, *pinned);
  must(cudaEventDestroy(ready));
  must(cudaStreamDestroy(other));
  must(cudaFreeHost(pinned));
}

// The result is fetched without waiting for it, by the host or by another stream.
void run_unsynchronised(Bench& b, bool other_stream) {
  float* pinned = nullptr;
  must(cudaMallocHost(reinterpret_cast<void**>(&pinned), 32 * sizeof(float)));
  cudaStream_t other;
  must(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
  must(start(copy, 1, 32, b.stream, b.x, b.y));
  must(cudaMemcpyAsync(pinned, b.y, 32 * sizeof(float), cudaMemcpyDeviceToHost, other_stream ? other : b.stream));
  if (other_stream) must(cudaStreamSynchronize(other));  // planted: and not b.stream, or nothing
  const float got = pinned[31];
  must(cudaStreamDestroy(other));
  must(cudaFreeHost(pinned));
  b.expect(31, got);
}

// The next numbers are copied to x beside the kernel that still reads it, as cuda/upload.h has it.
void run_overlap(Bench& b, bool wait_until_free, bool wait_for_arrival) {
  constexpr std::size_t bytes = 32 * sizeof(float);
  float* pinned = nullptr;
  must(cudaMallocHost(reinterpret_cast<void**>(&pinned), bytes));
  for (int i = 0; i < 32; ++i) pinned[i] = static_cast<float>(100 + i);
  cudaStream_t copies;
  cudaEvent_t freed, arrived;
  must(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking));
  must(cudaEventCreateWithFlags(&freed, cudaEventDisableTiming));
  must(cudaEventCreateWithFlags(&arrived, cudaEventDisableTiming));
  must(start(copy, 1, 32, b.stream, b.x, b.y));
  must(cudaEventRecord(freed, b.stream));
  if (wait_until_free) must(cudaStreamWaitEvent(copies, freed));
  must(cudaMemcpyAsync(b.x, pinned, bytes, cudaMemcpyHostToDevice, copies));
  must(cudaEventRecord(arrived, copies));
  if (!wait_until_free) must(cudaEventSynchronize(arrived));  // the copy may be the faster one
  if (wait_for_arrival) must(cudaStreamWaitEvent(b.stream, arrived));
  must(start(copy, 1, 32, b.stream, b.x, b.y + 32));
  float got[64];
  must(cudaMemcpyAsync(got, b.y, sizeof got, cudaMemcpyDeviceToHost, b.stream));
  must(cudaStreamSynchronize(b.stream));
  must(cudaEventDestroy(freed));
  must(cudaEventDestroy(arrived));
  must(cudaStreamDestroy(copies));
  must(cudaFreeHost(pinned));
  b.expect(31, got[31]);
  b.expect(131, got[63]);
}

void run_no_barrier(Bench& b) {
  must(start(no_barrier, 1, 256, b.stream, b.x, b.y));
  float got[256];
  must(cudaMemcpyAsync(got, b.y, sizeof got, cudaMemcpyDeviceToHost, b.stream));
  must(cudaStreamSynchronize(b.stream));
  for (int i = 0; i < 256; ++i) b.expect(static_cast<float>(255 - i), got[i]);
}

void multiply(const Bench& b, int lda, float* c) {
  cublasHandle_t handle;
  must(cublasCreate(&handle));
  must(cublasSetStream(handle, b.stream));
  const float one = 1, zero = 0;
  must(cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_T, 3, 5, 4, &one, b.x, lda, 0, b.x, 5, 0, &zero, c, 3,
                                 0, 1));
  must(cublasDestroy(handle));
}

// `count` products of 3 x 4 by 4 x 5 in x, where A lies from `a` on, in columns of 6, B from `b` and C from `c` on.
void multiply_within(const Bench& bench, int a, int b, int c, int ldc, int stride, int count) {
  cublasHandle_t handle;
  must(cublasCreate(&handle));
  must(cublasSetStream(handle, bench.stream));
  const float one = 1;  // beta too: C may read itself
  must(cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, 3, 5, 4, &one, bench.x + a, 6, stride, bench.x + b,
                                 4, stride, &one, bench.x + c, ldc, stride, count));
  must(cublasDestroy(handle));
}

// C = A B': A(i, p) = 3 p + i, B(j, p) = 5 p + j, so C(2, 4) = sum_p (3 p + 2) (5 p + 4).
void run_right_product(Bench& b) {
  multiply(b, 3, b.y);
  float got = 0;
  must(cudaMemcpyAsync(&got, b.y + 4 * 3 + 2, sizeof got, cudaMemcpyDeviceToHost, b.stream));
  must(cudaStreamSynchronize(b.stream));
  b.expect(2 * 4 + 5 * 9 + 8 * 14 + 11 * 19, got);
}

const std::map<std::string, std::function<void(Bench&)>>& bugs() {
  static const std::map<std::string, std::function<void(Bench&)>> all{
      {"right", run_right},
      {"right_product", run_right_product},
      // C's columns lie between A's.
      {"right_neighbours", [](Bench& b) { multiply_within(b, 0, 100, 3, 6, 200, 3); }},
      {"right_overlap", [](Bench& b) { run_overlap(b, true, true); }},
      {"overlap_too_early", [](Bench& b) { run_overlap(b, false, true); }},
      {"overlap_too_late", [](Bench& b) { run_overlap(b, true, false); }},
      {"write_beyond", [](Bench& b) { must(start(write_beyond, 5, 256, b.stream, b.y, kCount)); }},
      {"write_beyond_shared", [](Bench& b) { must(start(write_beyond_shared, 1, 64, b.stream, b.y)); }},
      {"no_barrier", run_no_barrier},
      {"no_second_barrier", [](Bench& b) { must(start(no_second_barrier, 1, 128, b.stream, b.x, b.y, 8)); }},
      {"uninitialised", [](Bench& b) { must(start(uninitialised, 1, 128, b.stream, b.x, b.y, 100)); }},
      {"divergent", [](Bench& b) { must(start(divergent, 1, 128, b.stream, b.x, b.y)); }},
      {"early_return", [](Bench& b) { must(start(early_return, 1, 128, b.stream, b.x, b.y, 100)); }},
      {"no_atomic", [](Bench& b) { must(start(no_atomic, 8, 128, b.stream, b.x, b.y)); }},
      {"no_syncwarp", [](Bench& b) { must(start(no_syncwarp, 1, 32, b.stream, b.x, b.y)); }},
      {"absent_lane", [](Bench& b) { must(start(absent_lane, 1, 32, b.stream, b.x, b.y, 20)); }},
      {"lane_outside_mask", [](Bench& b) { must(start(lane_outside_mask, 1, 32, b.stream, b.x, b.y)); }},
      {"host_pointer", [](Bench& b) { must(start(copy, 1, 32, b.stream, b.host.data(), b.y)); }},
      {"misaligned", [](Bench& b) { must(start(misaligned, 1, 32, b.stream, b.x, b.y)); }},
      {"too_many_threads", [](Bench& b) { must(start(copy, 1, 2048, b.stream, b.x, b.y)); }},
      {"empty_grid", [](Bench& b) { must(start(copy, 0, 32, b.stream, b.x, b.y)); }},
      {"copy_too_long",
       [](Bench& b) { must(cudaMemcpyAsync(b.y, b.x, kCount * 8, cudaMemcpyDeviceToDevice, b.stream)); }},
      {"copy_direction",
       [](Bench& b) { must(cudaMemcpyAsync(b.y, b.host.data(), 4, cudaMemcpyDeviceToDevice, b.stream)); }},
      {"freed_twice", [](Bench& b) { must(cudaFree(b.y)), must(cudaFree(b.y)); }},
      {"out_of_memory", [](Bench& b) { must(cudaMalloc(reinterpret_cast<void**>(&b.y), std::size_t{1} << 60)); }},
      {"unread_error", [](Bench&) { (void)cudaSetDevice(7); }},
      {"two_unread_errors", [](Bench&) { (void)cudaSetDevice(7), (void)cudaSetDevice(8); }},
      {"host_waits_not", [](Bench& b) { run_unsynchronised(b, false); }},
      {"stream_waits_not", [](Bench& b) { run_unsynchronised(b, true); }},
      {"host_reads_device",
       [](Bench& b) { std::printf("%g\n", static_cast<double>(*const_cast<volatile float*>(b.x))); }},
      {"small_leading", [](Bench& b) { multiply(b, 2, b.y); }},
      {"matrix_beyond", [](Bench& b) { multiply(b, 3, b.y + kCount - 14); }},
      {"product_in_place", [](Bench& b) { multiply_within(b, 0, 100, 2, 6, 0, 1); }},
      // No C meets a factor of its own product, but each the B of the product before.
      {"batch_in_place", [](Bench& b) { multiply_within(b, 0, 219, 24, 3, 200, 3); }},
      {"leak", [](Bench&) {}},
      {"never_waited_for", [](Bench& b) { must(start(copy, 1, 32, b.stream, b.x, b.y)), std::exit(0); }},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__SANITIZE_ADDRESS__)
  const char* mode = "asan";
#elif defined(__SANITIZE_THREAD__)
  const char* mode = "check";
#else
  const char* mode = "plain";
#endif
  if (argc == 1) return std::printf("%s\n", mode), 0;
  const auto bug = bugs().find(argv[1]);
  if (bug == bugs().end()) {
    for (const auto& entry : bugs()) std::printf("%s\n", entry.first.c_str());
    return 9;
  }
  Bench b;
  bug->second(b);
  b.finish(bug->first != "leak");
  return 0;
}
