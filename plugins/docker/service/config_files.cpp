#include "config_files.hpp"

#include "plugins/docker/files/edit_file.hpp"

#include <utility>

namespace agenthost::docker::service {

namespace {

files::FileFormat format_of(FileFormat format)
{
    switch (format) {
    case FileFormat::text: return files::FileFormat::text;
    case FileFormat::properties: return files::FileFormat::properties;
    case FileFormat::ini: return files::FileFormat::ini;
    case FileFormat::yaml: return files::FileFormat::yaml;
    case FileFormat::json: return files::FileFormat::json;
    case FileFormat::xml: return files::FileFormat::xml;
    }
    return files::FileFormat::text;
}

} // namespace

std::vector<std::string> edit_config_files(const ServerPlan& plan, const NodePolicy& policy)
{
    std::vector<std::string> misses;
    if (plan.files.empty()) return misses;
    const files::Root root{plan.data_folder, files::Owner{policy.uid, policy.gid}};
    for (const ConfigFile& file : plan.files) {
        std::vector<files::Edit> edits;
        for (const ConfigEdit& edit : file.edits) {
            files::Edit one{edit.where, edit.value, edit.quoted, {}};
            if (edit.if_value)
                one.if_value = [match = *edit.if_value](std::string_view now) { return match.found_in(now); };
            edits.push_back(std::move(one));
        }
        const files::Edited edited =
            files::edit_file(root, files::Path::parse(file.file), format_of(file.format), edits);
        for (const std::string& miss : edited.misses) misses.push_back(file.file + ": " + miss);
    }
    return misses;
}

} // namespace agenthost::docker::service
