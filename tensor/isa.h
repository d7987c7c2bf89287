// Which of the compiled instruction sets the CPU kernels use: chosen once, at run time.
// Every file of tensor/cpu is compiled once per set, into namespaces cpu_base, cpu_avx2 and cpu_avx512.
#pragma once

namespace medusa {

enum class Isa { Base, Avx2, Avx512 };  // 4, 8, 16 floats per vector

// The set in use: the widest that both this build and this machine have, or what MEDUSA_SIMD=base|avx2|avx512 asks for.
Isa isa();
// Switches to another set (for tests and benchmarks).  False, and no change, where build or machine lack it.
bool set_isa(Isa isa);
const char* name(Isa isa);

}  // namespace medusa
