import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tcpProbe } from "../../src/index.ts";
import type { Place, Recipe } from "./process.ts";

/** What logs in to each of them. */
export const LOGIN = { user: "probe", pass: "pr'obe \\ ü", database: "shop" } as const;

async function listening({ port }: Place): Promise<void> {
  const { ok, output } = await tcpProbe({ host: "127.0.0.1", port, timeoutMs: 1_000 });
  if (!ok) throw new Error(output);
}

const sqlText = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

export const mariadb: Recipe = {
  program: ["/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd"],
  user: "mysql",
  prepare: async ({ folder, run }) => {
    await run(
      "mariadb-install-db",
      "--no-defaults",
      `--datadir=${folder}/data`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    );
  },
  args: ({ folder, port }) => [
    "--no-defaults",
    `--datadir=${folder}/data`,
    `--socket=${folder}/socket`,
    `--pid-file=${folder}/pid`,
    "--bind-address=127.0.0.1",
    `--port=${port}`,
    "--skip-log-bin",
    "--innodb-buffer-pool-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
  ],
  ready: ({ folder, run }) => run("mariadb-admin", "--no-defaults", `--socket=${folder}/socket`, "-uroot", "ping"),
  populate: ({ folder, run }) => {
    const { user, pass, database } = LOGIN;
    const sql = `create database ${database}; create user '${user}'@'%' identified by ${sqlText(pass)};
      grant select on ${database}.* to '${user}'@'%'`;
    return run(
      "mariadb",
      "--no-defaults",
      "--default-character-set=utf8mb4",
      `--socket=${folder}/socket`,
      "-uroot",
      "-e",
      sql,
    );
  },
};

export const postgres: Recipe = {
  program: ["/usr/lib/postgresql/*/bin/postgres", "/usr/local/pgsql/bin/postgres"],
  user: "postgres",
  prepare: async ({ folder, program, run }) => {
    const initdb = join(dirname(program), "initdb");
    await run(
      initdb,
      "-D",
      `${folder}/data`,
      "-A",
      "scram-sha-256",
      "-U",
      "owner",
      "-N",
      "--no-instructions",
      "-E",
      "UTF8",
      "--locale=C",
      `--pwfile=${ownerPassword(folder)}`,
    );
    writeFileSync(`${folder}/data/pg_hba.conf`, "local all owner trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
  },
  args: ({ folder, port }) => [
    "-D",
    `${folder}/data`,
    "-h",
    "127.0.0.1",
    "-p",
    `${port}`,
    "-k",
    folder,
    "-F",
    "-c",
    "shared_buffers=8MB",
  ],
  ready: ({ folder, port, program, run }) =>
    run(join(dirname(program), "pg_isready"), "-q", "-h", folder, "-p", `${port}`),
  populate: async ({ folder, port, program, run }) => {
    const psql = (sql: string) =>
      run(join(dirname(program), "psql"), "-h", folder, "-p", `${port}`, "-U", "owner", "-d", "postgres", "-c", sql);
    await psql(`create role ${LOGIN.user} login password E${sqlText(LOGIN.pass)}`);
    await psql(`create database ${LOGIN.database}`);
  },
};

/** PgBouncer as it is by default in front of a PostgreSQL: start-up settings that it does not know it refuses. */
export function pgbouncer(behind: number): Recipe {
  return {
    program: ["/usr/sbin/pgbouncer", "/usr/local/bin/pgbouncer"],
    user: "postgres",
    prepare: ({ folder, port }) => {
      const { user, pass, database } = LOGIN;
      writeFileSync(join(folder, "users"), `"${user}" "${pass}"\n`);
      const lines = [
        "[databases]",
        `${database} = host=127.0.0.1 port=${behind}`,
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        `listen_port = ${port}`,
        "unix_socket_dir =",
        "auth_type = scram-sha-256",
        `auth_file = ${folder}/users`,
        // Seconds; the default is 15.
        "server_login_retry = 0.1",
        "query_wait_timeout = 1",
      ];
      writeFileSync(join(folder, "pgbouncer.ini"), `${lines.join("\n")}\n`);
    },
    args: ({ folder }) => [join(folder, "pgbouncer.ini")],
    ready: listening,
  };
}

function ownerPassword(folder: string): string {
  const file = join(folder, "owner");
  writeFileSync(file, "owner\n");
  chmodSync(file, 0o644);
  return file;
}

export const redis: Recipe = {
  program: ["/usr/bin/redis-server", "/usr/local/bin/redis-server"],
  prepare: ({ folder }) => {
    const { user, pass } = LOGIN;
    const rules = [
      `user default on ${JSON.stringify(`>${pass}`)} ~* +@all`,
      `user ${user} on ${JSON.stringify(`>${pass}`)} +ping`,
    ];
    writeFileSync(join(folder, "redis.conf"), `save ""\nappendonly no\nbind 127.0.0.1\n${rules.join("\n")}\n`);
  },
  args: ({ folder, port }) => [join(folder, "redis.conf"), "--port", `${port}`, "--dir", folder],
  ready: listening,
};

export const nginx: Recipe = {
  program: ["/usr/sbin/nginx", "/usr/local/sbin/nginx"],
  prepare: ({ folder, port }) => {
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
      events {}
      http { access_log off; ${temporary.join(" ")}
        server { listen 127.0.0.1:${port};
          location = /fine { return 200 "all is well\\n"; }
          location = /key { if ($http_x_key != "k3y") { return 403; } return 204; }
          location = /moved { return 302 http://127.0.0.1:${port}/fine; }
        } }`,
    );
  },
  args: ({ folder }) => ["-c", join(folder, "nginx.conf"), "-p", folder],
  ready: listening,
};

/** HAProxy in front of servers that it asks itself for `/ready`, ten times a second, and goes round when they do not answer. */
export function haproxy(backends: readonly number[]): Recipe {
  return {
    program: ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"],
    prepare: ({ folder, port }) => {
      const lines = [
        "defaults",
        "  mode http",
        "  option redispatch 1",
        "  timeout connect 1s",
        "  timeout client 60s",
        "  timeout server 60s",
        "listen front",
        `  bind 127.0.0.1:${port}`,
        "  option httpchk GET /ready",
        "  default-server check inter 100ms fall 1 rise 1",
        ...backends.map((backend, i) => `  server s${i} 127.0.0.1:${backend}`),
      ];
      writeFileSync(join(folder, "haproxy.cfg"), `${lines.join("\n")}\n`);
    },
    args: ({ folder }) => ["-db", "-f", join(folder, "haproxy.cfg")],
    ready: listening,
  };
}
