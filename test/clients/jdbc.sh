#!/bin/bash
# JDBC: pgjdbc in all its query modes, metadata, fetch size, batches, XA, HikariCP.  The tests stand in java/JdbcTest.java.
# Packages: default-jdk-headless libpostgresql-jdbc-java libhikaricp-java libslf4j-java
# shellcheck source=test/clients/tap.sh
. "$(dirname "$0")/tap.sh"
fixture_db client_jdbc "$CASUS_SRC/test/clients/mixed.sql"
run_java JdbcTest postgresql HikariCP slf4j-api slf4j-nop
