#pragma once

namespace proxy {

// A visitor made of lambdas, one a type: std::visit(Overloaded{...}, variant).
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // clang 14 does not deduce it by itself

}  // namespace proxy
