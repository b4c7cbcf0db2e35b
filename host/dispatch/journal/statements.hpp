// Prepares the journal's SQL statements.
//
// The journal's thread. Owned by JournalStore.
#pragma once

#include "base/sqlite.hpp"

#include <string>

namespace agenthost::host {

struct JournalStatements {
    explicit JournalStatements(base::Database& db)
        : insert{db.prepare("INSERT INTO journal(row, caller, id, digest, action, state, created, bytes) "
                            "VALUES(?,?,?,?,?,0,?,?)"
                            " ON CONFLICT(caller, id) DO NOTHING")},
          find{db.prepare("SELECT row, action, outcome, data, code, message, detail, error_data, id, digest, "
                          "state FROM journal"
                          " WHERE caller = ? AND id = ?")},
          was_undelivered{db.prepare("SELECT delivered = 0 FROM journal WHERE row = ?")},
          rerun{db.prepare("UPDATE journal SET row = ?, state = 0, sequence = NULL, finished = NULL, "
                           "delivered = 0, outcome = NULL, code = NULL,"
                           " message = NULL, detail = NULL WHERE row = ? AND state = 2 RETURNING 1")},
          finish{db.prepare("UPDATE journal SET finished = ?, sequence = ?, delivered = 0, "
                            "outcome = ?, data = ?, code = ?,"
                            " message = ?, detail = ?, error_data = ?, bytes = bytes + ?, brief = ?,"
                            " state = ? WHERE row = ? AND state = 0 RETURNING caller")},
          remove{db.prepare(
              "DELETE FROM journal WHERE row = ? AND state = 0 RETURNING caller, bytes, 0, brief")},
          delivered{db.prepare("UPDATE journal SET delivered = 1 WHERE row = ? AND delivered = 0 AND "
                               "sequence IS NOT NULL RETURNING 1")},
          replace{
              db.prepare("UPDATE journal SET outcome = ?, data = NULL, code = ?, message = ?, detail = ?, "
                         "error_data = NULL WHERE row = ? AND state <> 0")},
          page{
              db.prepare("SELECT row, action, outcome, data, code, message, detail, error_data, id, sequence "
                         "FROM journal"
                         " WHERE caller = ? AND delivered = 0 AND sequence IS NOT NULL AND sequence > ?"
                         " ORDER BY sequence LIMIT ?")},
          expire{db.prepare(std::string{"DELETE FROM journal WHERE state <> 0 AND finished <= ?"} +
                            removed_columns)},
          expire_brief{db.prepare(
              std::string{"DELETE FROM journal WHERE brief = 1 AND delivered = 1 AND finished <= ?"} +
              removed_columns)},
          trim{db.prepare(
              std::string{"DELETE FROM journal WHERE row IN (SELECT row FROM journal WHERE caller = ? AND "
                          "brief = 1 AND delivered = 1 ORDER BY finished LIMIT ?)"} +
              removed_columns)}
    {}

    // Of every statement that deletes rows: caller, bytes, undelivered, brief.
    static constexpr auto removed_columns =
        " RETURNING caller, bytes, delivered = 0 AND sequence IS NOT NULL, brief";

    base::Statement insert, find, was_undelivered, rerun, finish, remove, delivered, replace, page, expire,
        expire_brief, trim;
};

} // namespace agenthost::host
