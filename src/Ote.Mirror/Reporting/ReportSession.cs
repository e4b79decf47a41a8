using System.Diagnostics.CodeAnalysis;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Reporting;

/// <summary>
/// What one follower has been told and has kept. Streams take turns, a part of <see cref="PartBytes"/> each, and no more than the follower's window is on its
/// way. Behind a report that told all there was, the next of its stream waits until that is kept: on a quiet link changes go at once, and where the link or the
/// follower is slow what came meanwhile goes together, an object that changed several times once. (The rule of RFC 896 for small segments.) Used by one caller at a time.
/// </summary>
public sealed class ReportSession
{
    /// <summary>Of objects in one report, unless a single one is larger.</summary>
    public const int PartBytes = 128 * 1024;

    private const int LeastWindow = 1024;
    private const int MostWindow = 16 * 1024 * 1024;
    private readonly IReadOnlyList<ReportStream> _streams;
    private readonly ReportLag.Follower? _lag;
    private readonly Dictionary<string, Standing> _standings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ulong> _ended = new(StringComparer.Ordinal); // streams that the follower has and that there are no more, with their epochs
    private readonly List<(string Kind, ulong Epoch, ulong To, int Bytes)> _onTheWay = [];
    private int _window;
    private int _bytes;
    private int _turn;

    /// <summary>Begins a session.</summary>
    /// <param name="streams">What there is to follow.</param>
    public ReportSession(IReadOnlyList<ReportStream> streams)
        : this(streams, null)
    {
    }

    /// <summary>Begins a session whose lag is measured.</summary>
    /// <param name="streams">What there is to follow.</param>
    /// <param name="lag">Where; null: nowhere.</param>
    internal ReportSession(IReadOnlyList<ReportStream> streams, ReportLag.Follower? lag) => (_streams, _lag) = (streams, lag);

    /// <summary>Takes what the follower says.</summary>
    public void Take(ReportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        switch (request.KindCase)
        {
            case ReportRequest.KindOneofCase.Follow:
                Begin(request.Follow);
                _lag?.Begin(request.Follow.Cursors);
                break;
            case ReportRequest.KindOneofCase.Kept:
                _onTheWay.RemoveAll(r => r.Kind == request.Kept.Kind && r.Epoch == request.Kept.Epoch && r.To <= request.Kept.Revision);
                _bytes = _onTheWay.Sum(r => r.Bytes);
                _lag?.Kept(request.Kept.Kind, request.Kept.Revision);
                if (_standings.TryGetValue(request.Kept.Kind, out var standing) && standing.Awaited <= request.Kept.Revision)
                {
                    _standings[request.Kept.Kind] = standing with { Awaited = 0 };
                }

                break;
            default:
                break;
        }
    }

    /// <summary>The next report; none while the window is full, while nothing is new, or before somebody follows.</summary>
    public bool TryNext([NotNullWhen(true)] out Report? report)
    {
        report = null;
        if (_window == 0)
        {
            return false;
        }

        if (_bytes < _window && _ended.Count > 0)
        {
            report = End();
            return true;
        }

        for (var i = 0; i < _streams.Count && _bytes < _window && report is null; i++)
        {
            report = Read(_streams[(_turn + i) % _streams.Count]);
            _turn = report is null ? _turn : (_turn + i + 1) % _streams.Count;
        }

        return report is not null;
    }

    private Report? Read(ReportStream stream)
    {
        var standing = _standings.GetValueOrDefault(stream.Kind);
        var whole = standing.Whole;
        if (standing.Awaited != 0)
        {
            return null;
        }

        if (stream.Read(standing.Cursor, ref whole, PartBytes) is not { } report)
        {
            return null;
        }

        _standings[stream.Kind] = new Standing(
            new StreamCursor { Kind = stream.Kind, Epoch = report.Epoch, Revision = report.To }, whole, report.To == stream.Head.Revision ? report.To : 0);
        var bytes = Math.Max(1, report.Changes.Sum(c => c.Object.Length + c.Name.Length + c.Namespace.Length));
        _onTheWay.Add((report.Kind, report.Epoch, report.To, bytes));
        _bytes += bytes;
        return report;
    }

    /// <summary>Tells that a stream is no more: what the follower has of it would stand there for ever as if it were.</summary>
    private Report End()
    {
        var (kind, epoch) = _ended.First();
        _ended.Remove(kind);
        _onTheWay.Add((kind, epoch, 1, 1));
        _bytes++;
        return new Report { Kind = kind, Epoch = epoch, To = 1, Complete = true, Ended = true };
    }

    private void Begin(Follow follow)
    {
        _window = (int)Math.Clamp(follow.WindowBytes, LeastWindow, MostWindow);
        _onTheWay.Clear();
        _bytes = 0;
        _standings.Clear();
        _ended.Clear();
        var kinds = _streams.Select(s => s.Kind).ToHashSet(StringComparer.Ordinal);
        foreach (var cursor in follow.Cursors)
        {
            if (kinds.Contains(cursor.Kind))
            {
                _standings[cursor.Kind] = new Standing(cursor, 0, 0);
            }
            else
            {
                _ended[cursor.Kind] = cursor.Epoch;
            }
        }
    }

    /// <summary>How far a stream is told.</summary>
    /// <param name="Cursor">The end of the last report.</param>
    /// <param name="Whole">Since when everything is being told; 0: it is not.</param>
    /// <param name="Awaited">Up to where it is to be kept before the next report goes; 0: that may go.</param>
    private readonly record struct Standing(StreamCursor? Cursor, ulong Whole, ulong Awaited);
}
