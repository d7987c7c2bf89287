// Copies from the host that run beside the kernels of the step before: through pinned memory, which the GPU reads by
// itself, and on a stream of their own.  Two events keep the order:
//
//   kernels   ...step 1............ | step 2 .........................| step 3
//                 reads A      freed(A)        waits for arrived(B) ^     waits for arrived(A) ^
//   copies        B ---> arrived(B)   waits for freed(A); A ---> arrived(A)
#pragma once

#include <cstddef>
#include <memory>

namespace medusa::cuda {

// One set of places on the device that is filled again and again.
class Upload {
 public:
  Upload();
  ~Upload();  // waits for copies in flight
  // The work that was started until now is the last that uses the places.
  void free_places();
  // Starts a new set of copies, `bytes` in all.  The host waits only if the previous set is still in flight.
  void begin(std::size_t bytes);
  // `from` has been read when the call returns.
  void add(void* to, const void* from, std::size_t bytes);
  void end();
  // The work that is started from now on sees what was added.
  void use();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace medusa::cuda
