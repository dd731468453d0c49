// Forms of serialized objects.
#include "core/keras/config/object.h"

namespace keras {

Json serialize_object(const ConfigObject& object, std::string_view module, Dialect dialect) {
  Json json = Json::object();
  if (dialect != Dialect::kSavedModel) json["module"] = std::string(module);
  json["class_name"] = std::string(object.class_name());
  json["config"] = object.get_config();
  if (dialect != Dialect::kSavedModel) json["registered_name"] = nullptr;
  return json;
}

ObjectConfig parse_object_config(std::string_view key, const Json& json) {
  ObjectConfig result;
  result.config = Json::object();
  if (json.is_string()) {
    result.class_name = json.get<std::string>();
  } else {
    const Json& name = json_get(json, "class_name");
    if (!name.is_string()) config_mismatch(key, json, "a name or a serialized object");
    result.class_name = name.get<std::string>();
    const Json& config = json_get(json, "config");
    if (config.is_object()) result.config = config;
  }
  const size_t separator = result.class_name.find('>');
  if (separator != std::string::npos) {
    result.package = result.class_name.substr(0, separator);
    result.class_name.erase(0, separator + 1);
  }
  return result;
}

void reject_leftovers(std::string_view class_name, const Json& config) {
  for (const auto& [key, value] : config.items()) {
    throw TypeError("{}.__init__() got an unexpected keyword argument '{}'", class_name, key);
  }
}

}  // namespace keras
