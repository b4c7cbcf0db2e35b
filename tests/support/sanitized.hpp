// Whether this build is checked by a sanitizer. It keeps freed memory for a while: what a process holds says
// nothing then.
#pragma once

namespace agenthost::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

} // namespace agenthost::test
