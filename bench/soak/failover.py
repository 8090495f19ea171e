"""F07: PostgreSQL's primary dies and its replica takes over; with `synchronous_commit=remote_apply` nothing is lost."""
import glob, os, pwd, shutil, subprocess, tempfile, time

from measure.servers import SECRETS, free_port

from .server import Load, Server, check_kept

CONF = """listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
wal_level = replica
synchronous_standby_names = '{standby}'
synchronous_commit = remote_apply
"""


def programs():
    """The folder that has them all; Debian's in PATH are wrappers of a few."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True) + os.environ.get("PATH", "").split(os.pathsep)
    wanted = ("initdb", "pg_ctl", "pg_basebackup", "psql")
    return next((folder for folder in folders if all(shutil.which(name, path=folder) for name in wanted)), None)


class Postgres:
    """A server of its own in a folder; PostgreSQL refuses to be root."""

    def __init__(self, programs, folder, name):
        self.programs, self.folder = programs, os.path.join(folder, name)
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.sockets, self.port = folder, free_port()

    def run(self, program, *arguments):
        subprocess.run([*self.user, os.path.join(self.programs, program), *arguments], check=True, cwd="/",
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def configure(self, standby):
        with open(os.path.join(self.folder, "postgresql.conf"), "a") as file:
            file.write(CONF.format(port=self.port, folder=self.sockets, standby=standby))

    def control(self, *words):
        self.run("pg_ctl", "-D", self.folder, "-w", "-l", os.path.join(self.folder, "log"), *words)

    def sql(self, text):
        command = [*self.user, os.path.join(self.programs, "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-Atc", text]
        return subprocess.run(command, check=True, cwd="/", capture_output=True, text=True).stdout.strip()


def fail_over(args, findings):
    found = programs()
    if not found:
        return findings.skip("F07", "PostgreSQL's programs are missing: apt-get install postgresql")
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        primary, replica = Postgres(found, folder, "primary"), Postgres(found, folder, "replica")
        primary.run("initdb", "-D", primary.folder, "-A", "trust", "-U", "postgres")
        primary.configure("")
        primary.control("start")
        try:
            replica.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres", "-D", replica.folder, "-R",
                        "--checkpoint=fast")
            connection = f"\nprimary_conninfo = 'host=127.0.0.1 port={primary.port} user=postgres application_name=replica'\n"
            with open(os.path.join(replica.folder, "postgresql.auto.conf"), "a") as file:
                file.write(connection)
            replica.configure("")
            replica.control("start")
            primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'replica'")
            primary.sql("SELECT pg_reload_conf()")
            with tempfile.TemporaryDirectory() as own:
                promoted(args, findings, own, primary, replica)
        finally:
            for server in (primary, replica):
                subprocess.run([*server.user, os.path.join(found, "pg_ctl"), "-D", server.folder, "-m", "immediate", "stop"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


def promoted(args, findings, folder, primary, replica):
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{replica.port}"
    url = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"
    env = {"DATABASE_URL": url, "MIGRATE_ON_START": "true", **SECRETS}
    server = Server(args, folder, env=env)
    who = server.founder()
    load = Load([server], who)
    time.sleep(2)
    primary.control("stop", "-m", "immediate")
    time.sleep(1)
    replica.control("promote")
    begun, back = time.monotonic(), 0
    while back != 201 and time.monotonic() - begun < 60:
        back = server.ask("POST", "/api/teams", {"name": f"after {time.monotonic_ns()}"}, who)[0]
        time.sleep(0.1)
    findings.check("F07", "after the promotion changes are made again", back == 201, f"{time.monotonic() - begun:.1f} s")
    time.sleep(1)
    load.stop()
    odd = {status: count for status, count in load.statuses.items() if status not in (201, 503)}
    findings.check("F07", "meanwhile there is 503 and nothing else", not odd and load.gone == 0, load.statuses)
    findings.check("F07", "somebody who was signed in still is", server.ask("GET", "/api/people/me", who=who)[0] == 200)
    check_kept(findings, "F07", server, who, load.made)
    server.stop()
    findings.skip("F07", "asynchronous replicas: what is lost is not compared with the seal of the audit log")
