#!/bin/bash
# Spring's JDBC layer and contrib/integrations/spring, over a pool of one connection.  The tests stand in java/SpringTest.java.
# Packages: default-jdk-headless libpostgresql-jdbc-java libhikaricp-java libslf4j-java libspring-jdbc-java libspring-transaction-java libcommons-logging-java
# shellcheck source=test/clients/tap.sh
. "$(dirname "$0")/tap.sh"
fixture_db client_spring "$CASUS_SRC/test/clients/mixed.sql"
psql -qX -c 'CREATE ROLE bs_spring_app LOGIN' -c 'GRANT bs_coordinator, bs_handhaving TO bs_spring_app'
run_java SpringTest postgresql HikariCP slf4j-api slf4j-nop commons-logging spring3-core spring3-beans spring3-jdbc spring3-transaction
