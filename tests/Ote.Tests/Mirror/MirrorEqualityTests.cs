using System.Text;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror;

/// <summary>A journal, a session and a mirror with a way between them that loses, repeats and delays, and ends that die: afterwards the mirror is the cluster.</summary>
public sealed class MirrorEqualityTests
{
    private enum Act
    {
        Put,
        Delete,
        Relist,
        Tell,
        Lose,
        Repeat,
        FollowAnew,
        RestartReporter,
        LoseJournal,
        RestartMirror,
    }

    [Fact]
    public async Task Whatever_happens_on_the_way_the_mirror_is_the_cluster_in_the_end()
    {
        var acts = Gen.Select(Gen.Frequency((8, Gen.Const(Act.Put)), (4, Gen.Const(Act.Delete)), (2, Gen.Const(Act.Relist)), (8, Gen.Const(Act.Tell)), (2, Gen.Const(Act.Lose)), (1, Gen.Const(Act.Repeat)), (1, Gen.Const(Act.FollowAnew)),
            (1, Gen.Const(Act.RestartReporter)), (1, Gen.Const(Act.LoseJournal)), (1, Gen.Const(Act.RestartMirror))), Gen.Int[0, 5], Gen.Int[0, 3]).Array[5, 60];
        await acts.SampleAsync(RunAsync, iter: 50, threads: 1);
    }

    private static async Task RunAsync((Act Act, int Object, int Value)[] acts)
    {
        await using var world = new World();
        foreach (var (act, which, value) in acts)
        {
            await world.DoAsync(act, $"o{which}", $"{value}");
        }

        Assert.Equal(world.Cluster, await world.SettledAsync());
    }

    private sealed class World : IAsyncDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ote-equal-");
        private readonly SortedDictionary<string, string> _cluster = new(StringComparer.Ordinal);
        private ulong _epochs;
        private ReportJournal _journal;
        private ReportSession _session;
        private MirrorStore _mirror;
        private Report? _last;

        public World()
        {
            _journal = OpenJournal();
            _session = new ReportSession([_journal.Stream("pods")]);
            _mirror = OpenMirror();
        }

        public string Cluster => string.Join(',', _cluster.Select(o => $"{o.Key}={o.Value}"));

        public async Task DoAsync(Act act, string name, string value)
        {
            var stream = _journal.Stream("pods");
            switch (act)
            {
                case Act.Put:
                    _cluster[name] = value;
                    stream.Apply([new ReportedObject("ns", name, Json(name, value))]);
                    break;
                case Act.Delete:
                    _cluster.Remove(name);
                    stream.Apply([new ReportedObject("ns", name, default)]);
                    break;
                case Act.Relist:
                    Relist(stream);
                    break;
                case Act.Tell:
                    await TellAsync();
                    break;
                case Act.Lose:
                    _session.TryNext(out _);
                    break;
                case Act.Repeat when _last is not null:
                    if (!await _mirror.ApplyAsync("c1", _last))
                    {
                        await FollowAsync();
                    }

                    break;
                case Act.FollowAnew:
                    await FollowAsync();
                    break;
                case Act.RestartReporter or Act.LoseJournal:
                    _journal.Dispose();
                    if (act == Act.LoseJournal)
                    {
                        File.Delete(Path.Combine(_folder.FullName, "reports.db"));
                    }

                    _journal = OpenJournal();
                    _session = new ReportSession([_journal.Stream("pods")]);
                    break;
                case Act.RestartMirror:
                    await _mirror.DisposeAsync();
                    _mirror = OpenMirror();
                    break;
                default:
                    break;
            }
        }

        /// <summary>What the mirror has when the cluster has been listed and all was told.</summary>
        public async Task<string> SettledAsync()
        {
            Relist(_journal.Stream("pods"));
            await FollowAsync();
            for (var turns = 0; await TellAsync(); turns++)
            {
                Assert.True(turns < 100, "it is told without an end");
            }

            var rows = (await _mirror.ListAsync(new PageQuery("/pods", null, 0, "", "", 100), CancellationToken.None)).Rows;
            return string.Join(',', rows.Select(r => $"{r.Key.Name[..^3]}={Encoding.UTF8.GetString(r.Json).Split("\"phase\":\"")[1][0]}"));
        }

        public async ValueTask DisposeAsync()
        {
            _journal.Dispose();
            await _mirror.DisposeAsync();
            _folder.Delete(recursive: true);
        }

        private static byte[] Json(string name, string value) => Encoding.UTF8.GetBytes($$"""{"metadata":{"name":"{{name}}","namespace":"ns"},"status":{"phase":"{{value}}"} }""");

        private void Relist(ReportStream stream)
        {
            stream.Apply([.. _cluster.Select(o => new ReportedObject("ns", o.Key, Json(o.Key, o.Value)))]);
            stream.Listed(Kinds.Pods, _cluster.Keys.Select(k => ("ns", k)).ToHashSet());
        }

        private async Task FollowAsync()
        {
            var follow = new Follow { WindowBytes = 4096 };
            follow.Cursors.AddRange(await _mirror.CursorsAsync("c1"));
            _session.Take(new ReportRequest { Follow = follow });
        }

        private async Task<bool> TellAsync()
        {
            if (!_session.TryNext(out var report))
            {
                return false;
            }

            _last = report;
            if (await _mirror.ApplyAsync("c1", report))
            {
                _session.Take(new ReportRequest { Kept = new StreamCursor { Kind = report.Kind, Epoch = report.Epoch, Revision = report.To } });
            }
            else
            {
                await FollowAsync();
            }

            return true;
        }

        private ReportJournal OpenJournal() => ReportJournal.Open(_folder.FullName, () => ++_epochs);

        private MirrorStore OpenMirror() => MirrorStore.Open(new MirrorOptions { Directory = _folder.FullName }, TimeProvider.System, NullLogger.Instance);
    }
}
