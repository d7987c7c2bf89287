// The table of kernels: the one place that knows which versions this build has.
#if defined(MEDUSA_HAVE_AVX2)
#define MEDUSA_AVX2(name) &cpu_avx2::name
#else
#define MEDUSA_AVX2(name) nullptr
#endif
#if defined(MEDUSA_HAVE_AVX512)
#define MEDUSA_AVX512(name) &cpu_avx512::name
#else
#define MEDUSA_AVX512(name) nullptr
#endif
#if defined(MEDUSA_HAVE_CUDA)
#define MEDUSA_CUDA_SIDE(name) &cuda::name
#else
#define MEDUSA_CUDA_SIDE(name) nullptr
#endif

#define KERNEL(name, params)                                                                               \
  MEDUSA_DECLARE_KERNEL(name, params)                                                                      \
  namespace kernels {                                                                                      \
  constinit const Kernel<void params> name{#name, &cpu_base::name, MEDUSA_AVX2(name), MEDUSA_AVX512(name), \
                                           MEDUSA_CUDA_SIDE(name)};                                        \
  }
#include "tensor/kernels.h"
