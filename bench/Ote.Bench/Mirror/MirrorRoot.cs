using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Bench.Root;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;

namespace Ote.Bench.Mirror;

/// <summary>A root that mirrors its subtree on disk, and notes of each change how long ago it was made at its cluster when it can be read here.</summary>
internal sealed class MirrorRoot : IAsyncDisposable
{
    private static readonly byte[] Mark = Encoding.ASCII.GetBytes(ChurningCluster.Mark);
    private readonly TimeProvider _time;
    private readonly RootServer _root;
    private readonly MirrorStore _mirror;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _following;
    private readonly Lock _gate = new();
    private readonly List<double> _lags = [];

    private MirrorRoot(RootServer root, MirrorStore mirror, Surroundings around)
    {
        (_root, _mirror, _time) = (root, mirror, around.Time);
        mirror.Changes.Listen(Note);
        _following = new TreeFollower(mirror, root.Controller.FollowReportsAsync, around.Time, around.Random, NullLogger.Instance).RunAsync(_stop.Token);
    }

    public static async Task<MirrorRoot> StartAsync(RootServer root, string folder, Surroundings around)
    {
        var mirror = MirrorStore.Open(new MirrorOptions { Directory = Directory.CreateDirectory(Path.Combine(folder, "mirror")).FullName }, around.Time, NullLogger.Instance);
        await Task.Yield();
        return new MirrorRoot(root, mirror, around);
    }

    /// <summary>Seconds of lag of all changes since the last call: how many, the middle one, the one that 99 % are below.</summary>
    public JsonObject Take()
    {
        lock (_gate)
        {
            _lags.Sort();
            var told = new JsonObject { ["count"] = _lags.Count };
            if (_lags.Count > 0)
            {
                (told["median"], told["p99"], told["most"]) = (_lags[_lags.Count / 2], _lags[(int)(_lags.Count * 0.99)], _lags[^1]);
            }

            _lags.Clear();
            return told;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _mirror.DisposeAsync();
        _stop.Dispose();
    }

    private void Note(Change change)
    {
        var json = change.Json.AsSpan();
        var at = json.IndexOf(Mark);
        if (at >= 0 && Utf8Parser.TryParse(json[(at + Mark.Length)..], out long changed, out _))
        {
            var lag = _time.GetElapsedTime(changed).TotalSeconds;
            lock (_gate)
            {
                _lags.Add(lag);
            }
        }
    }
}
