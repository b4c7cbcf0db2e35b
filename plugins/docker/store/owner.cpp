#include "owner.hpp"

#include "base/fd.hpp"
#include "base/uuid.hpp"
#include "base/write_all.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace agenthost::docker::store {

namespace {

std::string read_owner(const std::string& file)
{
    std::string owner;
    std::ifstream{file} >> owner;
    if (owner.size() > 64) owner.resize(64);
    return owner;
}

} // namespace

std::string load_owner(const std::string& file)
{
    if (std::string owner = read_owner(file); !owner.empty()) return owner;
    const std::string owner = base::random_uuid(), part = file + ".part";
    const base::Fd out{::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!out || !base::write_all(out.get(), owner + "\n") || ::fsync(out.get()) != 0 ||
        std::rename(part.c_str(), file.c_str()) != 0)
        throw std::runtime_error{"the docker plugin's file " + file + " cannot be written: " +
                                 std::strerror(errno) + ". Free space, or correct the folder's permissions."};
    return owner;
}

} // namespace agenthost::docker::store
