// Solvers for problems of the size of the number of tasks.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace medusa::mtl {

using Vector = std::vector<double>;

// x of  A x = b  (A row-major n x n) by Gaussian elimination with partial pivoting; false if A is singular.
bool solve_linear(Vector matrix, Vector right, Vector& x);

// argmin over v >= least of  v^T H v / 2 - c^T v,  exactly; H symmetric and positive definite, row-major, of size
// about 1 (its smallest eigenvalue above 1e-10).
Vector box_minimum(const Vector& h, const Vector& c, const Vector& least);

// G / trace(G) with `ridge` added to its diagonal; G row-major, not zero.
Vector normalised(const Vector& gram, double ridge);

// argmin over the simplex (w >= 0, sum w = 1) of  w^T G w, with 1e-9 of G's trace on its diagonal so that it is one
// point; G symmetric and positive semi-definite, row-major, not zero.
Vector simplex_minimum(const Vector& gram);

// Eigenvalues of a symmetric matrix and its eigenvectors, the columns of `vectors` (row-major), by Jacobi's rotations.
struct Eigen {
  Vector values, vectors;
};
Eigen symmetric_eigen(Vector matrix);

// Adam (Kingma, Ba 2015; betas 0.9 and 0.999, eps 1e-8) for a few numbers: what methods move their weights with.
class SmallAdam {
 public:
  explicit SmallAdam(std::size_t size) : m_(size, 0.0), v_(size, 0.0) {}
  // x -= lr * m / (sqrt(v) + eps); where the gradient is NaN, nothing changes.
  void step(Vector& x, const Vector& gradient, double lr);

  // As "m", "v" and "step"; throws InputError where `state` lacks one or has another size.
  void save(std::map<std::string, Vector>* state) const;
  void load(const std::map<std::string, Vector>& state);

 private:
  Vector m_, v_;
  double steps_ = 0;
};

// state[name]; throws InputError if it is missing or does not have `size` numbers.
const Vector& saved(const std::map<std::string, Vector>& state, const std::string& name, std::size_t size);

}  // namespace medusa::mtl
