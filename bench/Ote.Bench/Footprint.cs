using System.Globalization;
using System.Runtime.InteropServices;
using Ote.Bench.Root;
using Ote.Bench.Serve;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;

namespace Ote.Bench;

/// <summary>
/// The native executable as a root with its own API server, and as a site below one: its size, how soon it is ready, what it holds while
/// idle. The site is what runs ten thousand times; its parent is in this process.
/// </summary>
internal static class Footprint
{
    private const int Rounds = 9;
    private const int Idles = 3;
    private const double MostMegabytes = 35;
    private const double MostMilliseconds = 100;
    private const double MostResident = 30;
    private const double OriginalMegabytes = 40; // its one role
    private const double OriginalResident = 23;
    private const double Mega = 1024 * 1024;
    private const string Site = "site-0001";
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(5);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, string? asked, CancellationToken ct)
    {
        var ote = asked ?? Published();
        if (!File.Exists(ote))
        {
            throw new BenchException($"{ote} is not there; make it with ./ote publish, or name another with --ote");
        }

        await using var parent = await RootServer.StartAsync(Path.Combine(around.Folder, "parent"), around, ct);
        var root = new Subject(ote, _ => AsRoot("root"));
        var anew = new Subject(ote, round => AsRoot(string.Create(CultureInfo.InvariantCulture, $"anew-{round}")));
        var site = new Subject(ote, _ => ["cluster-controller", "--name", Site, "--data", Enrol(), "--parent", $"https://{parent.EndPoint}"]) { Attaches = true };
        var empty = new Subject(Environment.ProcessPath!, _ => [typeof(Footprint).Assembly.Location, "nothing"]);
        Subject[] all = [root, anew, site, empty];
        for (var round = 0; round <= Rounds; round++)
        {
            // One of each in turn: what else the machine does falls on all alike. The first round fills caches and data directories.
            foreach (var subject in all)
            {
                await using var started = await subject.StartAsync(around.Time, round, ct);
                if (round > 0)
                {
                    subject.Starts.Add(started.Figures);
                }
            }
        }

        for (var round = 0; round < Idles; round++)
        {
            await RestAsync([root, site, empty], around.Time, ct);
        }

        double none = empty.Median(f => f.Ready), noneCpu = empty.Median(f => f.Cpu);
        return
        [
            Row.WithLimit("size of ote, all roles (baseline: the original's one role)", new FileInfo(ote).Length / Mega, "MB", MostMegabytes, OriginalMegabytes),
            Row.WithLimit($"site, start to ready; median of {Rounds} (baseline: an empty .NET process)", site.Median(f => f.Ready), "ms", MostMilliseconds, none),
            new Row("site, start to attached to its parent (baseline: an empty .NET process)", site.Median(f => f.Attached), "ms", none, null, null),
            new Row("site, CPU until ready (baseline: an empty .NET process)", site.Median(f => f.Cpu), "ms", noneCpu, null, null),
            Row.WithLimit("root, start to ready, data directory in place (baseline: an empty .NET process)", root.Median(f => f.Ready), "ms", MostMilliseconds, none),
            new Row("root, CPU until ready, data directory in place (baseline: an empty .NET process)", root.Median(f => f.Cpu), "ms", noneCpu, null, null),
            Row.WithLimit("root, start to ready, empty data directory (baseline: an empty .NET process)", anew.Median(f => f.Ready), "ms", MostMilliseconds, none),
            new Row("root, CPU until ready, empty data directory (baseline: an empty .NET process)", anew.Median(f => f.Cpu), "ms", noneCpu, null, null),
            Row.WithLimit($"site, attached and idle, resident memory after {Calm.TotalSeconds} s (baseline: the original)", site.Memory, "MB", MostResident, OriginalResident),
            Row.WithLimit($"root, idle, resident memory after {Calm.TotalSeconds} s (baseline: the original)", root.Memory, "MB", MostResident, OriginalResident),
            new Row("an empty .NET process, resident memory, for comparison", empty.Memory, "MB", null, null, null),
        ];

        string[] AsRoot(string folder) =>
            ["cluster-controller", "--data", Path.Combine(around.Folder, folder), "--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"];

        // As joining leaves it: the site's identity on disk.
        string Enrol()
        {
            var data = Path.Combine(around.Folder, Site);
            if (!Directory.Exists(data))
            {
                using var authority = CertificateAuthority.LoadOrCreate(parent.IdentityDirectory, around.Time);
                authority.CreateIdentity(new PeerIdentity(Site, "uid-" + Site), []).Save(Path.Combine(data, "identity"));
            }

            return data;
        }
    }

    private static string Published()
    {
        var platform = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
        return Path.Combine(Repository.Find() ?? Environment.CurrentDirectory, "out", platform, "ote");
    }

    /// <summary>Runs one of each at once, and after a while of nothing to do notes what they hold.</summary>
    private static async Task RestAsync(Subject[] subjects, TimeProvider time, CancellationToken ct)
    {
        var running = new List<Launched>();
        try
        {
            foreach (var subject in subjects)
            {
                running.Add(await subject.StartAsync(time, 0, ct));
            }

            await Task.Delay(Calm, time, ct);
            for (var i = 0; i < subjects.Length; i++)
            {
                subjects[i].Held.Add(Resident.BytesOf(running[i].Id) / Mega);
            }
        }
        finally
        {
            foreach (var process in running)
            {
                await process.DisposeAsync();
            }
        }
    }

    /// <summary>What is started again and again, and what was measured of it.</summary>
    private sealed class Subject(string file, Func<int, string[]> arguments)
    {
        /// <summary>Whether a start is over only when it says that it is attached to its parent.</summary>
        public bool Attaches { get; init; }

        public List<StartFigures> Starts { get; } = [];

        public List<double> Held { get; } = [];

        public double Memory => Middle(Held);

        public double Median(Func<StartFigures, double> of) => Middle(Starts.Select(of));

        public Task<Launched> StartAsync(TimeProvider time, int round, CancellationToken ct) => Launched.StartAsync(time, file, arguments(round), Attaches, ct);

        private static double Middle(IEnumerable<double> values)
        {
            var sorted = values.Order().ToList();
            return sorted[sorted.Count / 2];
        }
    }
}
