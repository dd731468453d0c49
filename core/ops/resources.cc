// What the ops of an engine find by name.
#include "core/ops/resources.h"

#include "core/base/error.h"

namespace keras {

std::shared_ptr<NamedVariable> Resources::variable(std::string container, const std::string& name) {
  if (container.empty()) container = "localhost";
  if (name == kAnonymous) return std::make_shared<NamedVariable>(NamedVariable{std::move(container), name, nullptr});
  std::shared_ptr<NamedVariable>& place = variables_[{container, name}];
  if (place == nullptr) place = std::make_shared<NamedVariable>(NamedVariable{std::move(container), name, nullptr});
  return place;
}

void Resources::add_file(std::string path, std::string contents) {
  files_.insert_or_assign(std::move(path), std::move(contents));
}

const std::string& Resources::file(const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) throw NotFoundError("{}; No such file or directory", path).at(path);
  return found->second;
}

}  // namespace keras
