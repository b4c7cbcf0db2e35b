find_package(OpenSSL REQUIRED)
set(libs agenthost_wire OpenSSL::Crypto)
