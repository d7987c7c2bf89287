// The Gram matrix G_ij = g_i . g_j of the tasks' gradients on the shared parameters: all that a method sees of them.
#pragma once

#include <functional>
#include <vector>

namespace medusa::mtl {

using Vector = std::vector<double>;

// T of a row-major T x T matrix; throws Error if the size is not a square number.
std::size_t task_count(const Vector& gram);

// The norms |g_t| and the cosines of all pairs; logged for every method, because they show why a method fails.  A
// cosine with a zero gradient is 0.
Vector gradient_norms(const Vector& gram);
Vector gradient_cosines(const Vector& gram);  // row-major T x T

// The weights that `solve` finds for the tasks whose gradient is not zero, from their part of the matrix; the others,
// whose weights have no effect, get 0.
Vector solve_active(const Vector& gram, const std::function<Vector(const Vector&)>& solve);

// row . y
double dot(const double* row, const Vector& y);

}  // namespace medusa::mtl
