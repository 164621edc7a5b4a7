"""Inserts a row every 10 ms and prints a JSON line for each attempt. Environment: PGHOST … as libpq has it, WRITER_PATH, WRITER_RUN."""

import json
import os
import time

import psycopg2

INTERVAL = 0.01
PATH, RUN = os.environ["WRITER_PATH"], os.environ["WRITER_RUN"]
SERVER = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), host(inet_server_addr())"
INSERT = f"INSERT INTO gardenos_faults (run, path, n) VALUES (%s, %s, %s) RETURNING {SERVER}"


def connect():
    connection = psycopg2.connect(
        sslmode="verify-full", connect_timeout=2, tcp_user_timeout=2000, keepalives_idle=2, keepalives_interval=1
    )
    connection.autocommit = True
    return connection


def insert(connection, n):
    with connection.cursor() as cursor:
        cursor.execute(INSERT, (RUN, PATH, n))
        timeline, server = cursor.fetchone()
        return {"timeline": int(timeline, 16), "server": server}


def main():
    connection, n = None, 0
    while True:
        n += 1
        began = time.time()
        try:
            connection = connection or connect()
            outcome = insert(connection, n)
        except psycopg2.Error as error:
            outcome = {"error": error.pgcode or str(error).strip().split("\n")[0]}
            if connection is not None:
                try:
                    connection.close()
                except psycopg2.Error:
                    pass
            connection = None
        ended = time.time()
        print(json.dumps({"n": n, "began": began * 1000, "ended": ended * 1000, **outcome}), flush=True)
        time.sleep(max(0.0, began + INTERVAL - time.time()))


main()
