// What the ops of an engine find by name: variables that graphs make themselves, and files.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/tensor/variable.h"

namespace keras {

/// The place of a variable that a graph makes. It is empty until the first assignment.
struct NamedVariable {
  std::string container, name;
  VariablePtr variable;
};

class Resources {
 public:
  /// The place of this name, the same one at each call; "" is the container "localhost". kAnonymous names a new place each time.
  std::shared_ptr<NamedVariable> variable(std::string container, const std::string& name);
  /// What TensorFlow 2 writes where a variable has no name to be found by.
  static constexpr const char* kAnonymous = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

  void add_file(std::string path, std::string contents);
  /// Throws NotFoundError.
  const std::string& file(const std::string& path) const;

 private:
  std::map<std::pair<std::string, std::string>, std::shared_ptr<NamedVariable>> variables_;  // by container and name
  std::map<std::string, std::string> files_;
};

}  // namespace keras
