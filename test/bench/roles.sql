/* roles.sql: who runs the benchmark. */
CREATE ROLE coordinator LOGIN;
CREATE ROLE app LOGIN;
CREATE ROLE bench_in LOGIN;
CREATE ROLE bench_exists LOGIN;
CREATE DATABASE bench;
