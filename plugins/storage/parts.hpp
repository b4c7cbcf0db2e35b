// The parts that jobs and actions use. The service owns them; they outlive every job.
#pragma once

#include "config.hpp"
#include "index.hpp"
#include "pool.hpp"
#include "problem.hpp"
#include "quota.hpp"
#include "status.hpp"
#include "store.hpp"
#include "telemetry.hpp"

#include "base/fd.hpp"
#include "netclient/http_client.hpp"
#include <agenthost/context.hpp>

#include <string>

namespace agenthost::storage {

struct Parts {
    const Config& config;
    Context& context;
    Store& store;
    Index& index;
    Quota& quota;
    netclient::HttpClient& http;
    Pool& pool;
    Telemetry& telemetry;
    Status& status;

    // Unlinks a file whose name is in the index's trash. A failure is logged, and the next start tries again.
    void unlink(const std::string& blob) const;
    // Opens a file's content for sending: `row` and `file` are set. Records that it is missing, or back.
    MaybeProblem open(const std::string& id, FileRecord& row, base::Fd& file) const;
    // Records and reports that a file is missing, damaged or complete again.
    void mark(const FileRecord&, FileState) const;
};

} // namespace agenthost::storage
