/** What `qbm daemon --help` says. */
export const HELP = `Usage: qbm daemon [option]…

The reference as a server: QMP on standard input and output or on unix sockets, NBD on a unix socket or a TCP port.
Options are carried out in the order in which they stand, and have the names of qemu-storage-daemon's. A value is
name=value,… or, if it begins with {, JSON; a comma in a value is written twice.

  --blockdev [driver=]DRIVER,node-name=NAME,…   makes a node, as blockdev-add does
  --object [qom-type=]TYPE,id=ID,…              makes an object, as object-add does
  --nbd-server addr.type=unix,addr.path=PATH    lets NBD clients connect: a unix socket for this user alone, or
  --nbd-server addr.type=inet,addr.host=HOST,addr.port=PORT
               [,max-connections=N]             at most so many at once; 0: any number; default: 100
  --export [type=]nbd,id=ID,node-name=NAME[,name=NAME][,writable=on][,bitmaps.0=NAME]…
                                                exports a node, as block-export-add does
  --chardev stdio,id=ID                         where a monitor may be: standard input and output, or
  --chardev socket,id=ID,path=PATH[,server=on[,wait=off]]
                                                a unix socket, to be connected to, or that somebody listens at;
                                                a server waits for the first client unless wait=off
  --monitor [chardev=]ID[,pretty=on]            a QMP monitor there
  --pidfile PATH                                the number of the process, once all of this is done
  -h, --help
  -V, --version

It ends by the command quit, or by SIGTERM, SIGINT or SIGHUP: images are closed, and bitmaps stored. Exit code 0; 1 if an
option could not be carried out, or an image not be closed.
`;
