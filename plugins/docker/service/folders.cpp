#include "folders.hpp"

#include "plugins/docker/files/control.hpp"
#include "plugins/docker/files/remove.hpp"

#include "base/fd.hpp"
#include "base/write_all.hpp"

#include <agenthost/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace agenthost::docker::service {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int error)
{
    const char* const code = error == ENOSPC || error == EDQUOT  ? "INSUFFICIENT_RESOURCES"
                             : error == EACCES || error == EPERM ? "PERMISSION_DENIED"
                                                                 : "INTERNAL";
    throw Error{code, path + ": " + std::strerror(error) +
                          ". Check the owner and the free space of the docker plugin's data_dir."};
}

// Does not follow a link in the last component.
base::Fd open_folder(const std::string& path, mode_t mode)
{
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) fail(path, errno);
    base::Fd folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (folder.get() < 0) fail(path, errno);
    return folder;
}

void give(const base::Fd& folder, const std::string& path, const NodePolicy& policy)
{
    struct stat found {};
    if (::fstat(folder.get(), &found) != 0) fail(path, errno);
    if (found.st_uid == policy.uid && found.st_gid == policy.gid) return;
    if (::fchown(folder.get(), policy.uid, policy.gid) != 0) fail(path, errno);
}

void make_root(const std::string& data_dir)
{
    std::error_code failed;
    fs::create_directories(data_dir, failed);
    if (failed) fail(data_dir, failed.value());
}

// Of any depth: a game may make a tree that is deeper than a process may have descriptors.
void remove_tree(const fs::path& path)
{
    const base::Fd parent{::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!parent && errno == ENOENT) return;
    if (!parent) fail(path.parent_path().string(), errno);
    files::Control unwatched;
    files::remove_tree(parent.get(), path.filename().string(), unwatched);
}

} // namespace

void prepare_folder(const NodePolicy& policy, const std::string& id)
{
    make_root(policy.data_dir);
    const std::string folder = policy.data_dir + "/" + id;
    give(open_folder(folder, 0750), folder, policy);
}

void prepare_install(const ServerPlan& plan, const NodePolicy& policy)
{
    make_root(policy.data_dir + "/.install");
    remove_tree(plan.install_folder);
    const base::Fd own = open_folder(plan.install_folder, 0755);
    const std::string scripts = plan.install_folder + "/script", tmp = plan.install_folder + "/tmp";
    const base::Fd script_folder = open_folder(scripts, 0755);
    give(open_folder(tmp, 0700), tmp, policy);
    const base::Fd file{::openat(script_folder.get(), "install.sh",
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755)};
    if (file.get() < 0 || ::fchmod(file.get(), 0755) != 0 ||
        !base::write_all(file.get(), plan.install_script))
        fail(scripts + "/install.sh", errno);
    for (const base::Fd* folder : {&own, &script_folder}) // whatever the umask is, the server's user reads it
        if (::fchmod(folder->get(), 0755) != 0) fail(plan.install_folder, errno);
}

void remove_install(const std::string& data_dir, const std::string& id)
{
    remove_tree(fs::path{data_dir} / ".install" / id);
}

void remove_folders(const std::string& data_dir, const std::string& id)
{
    remove_install(data_dir, id);
    remove_tree(fs::path{data_dir} / id);
}

void save_install_log(const std::string& folder, const std::string& text)
{
    std::error_code ignored;
    fs::create_directories(folder, ignored);
    const fs::path path = fs::path{folder} / "install.log", part = fs::path{folder} / "install.log.part";
    {
        std::ofstream out{part, std::ios::binary | std::ios::trunc};
        out << (text.size() > max_install_log ? text.substr(text.size() - max_install_log) : text);
    }
    fs::rename(part, path, ignored);
}

std::string load_install_log(const std::string& folder)
{
    std::ifstream in{fs::path{folder} / "install.log", std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace agenthost::docker::service
