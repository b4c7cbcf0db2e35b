// Loads a plugin's library, finds its entry and checks it. RTLD_NOW | RTLD_LOCAL, never unmapped, because
// dlclose cannot be trusted.
#pragma once

#include "manifest.hpp"

#include <agenthost/abi.h>

#include <string>

namespace agenthost::host {

// nullptr and `why`: "plugin foo.so refused: needs ABI 1.3, this host offers 1.0. Upgrade ..." Blocking, runs
// the library's constructors: control thread only.
const agh_entry_v1* load_library(const std::string& file, const Manifest&, std::string& why);

// Why a new instance of this library cannot be created: its file was replaced since this process loaded it.
// Empty: it can. Blocking.
std::string replaced_library(const std::string& file);

// Device, inode, size and time of change as text; it differs for different files. "none" if the file does not
// exist. Blocking.
std::string file_identity(const std::string& file);

// Returns an error if the file is shorter than its program headers state, because dlopen() would map the
// missing part and die of SIGBUS. Blocking.
std::string refuse_cut_short(const std::string& file);

// Checks an entry; also for tests and check_library().
std::string check_entry(const std::string& file_name, const agh_entry_v1&, const Manifest&);

} // namespace agenthost::host
