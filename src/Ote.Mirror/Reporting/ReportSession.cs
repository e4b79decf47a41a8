using System.Diagnostics.CodeAnalysis;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Reporting;

/// <summary>
/// What one follower has been told and has kept. Streams take turns, a part of <see cref="PartBytes"/> each, and no more than the follower's window is on its
/// way. Used by one caller at a time.
/// </summary>
/// <param name="streams">What there is to follow.</param>
public sealed class ReportSession(IReadOnlyList<ReportStream> streams)
{
    /// <summary>Of objects in one report, unless a single one is larger.</summary>
    public const int PartBytes = 128 * 1024;

    private const int LeastWindow = 1024;
    private const int MostWindow = 16 * 1024 * 1024;
    private readonly Dictionary<string, Standing> _standings = new(StringComparer.Ordinal);
    private readonly List<(string Kind, ulong Epoch, ulong To, int Bytes)> _onTheWay = [];
    private int _window;
    private int _bytes;
    private int _turn;

    /// <summary>Takes what the follower says.</summary>
    public void Take(ReportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        switch (request.KindCase)
        {
            case ReportRequest.KindOneofCase.Follow:
                Begin(request.Follow);
                break;
            case ReportRequest.KindOneofCase.Kept:
                _onTheWay.RemoveAll(r => r.Kind == request.Kept.Kind && r.Epoch == request.Kept.Epoch && r.To <= request.Kept.Revision);
                _bytes = _onTheWay.Sum(r => r.Bytes);
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

        for (var i = 0; i < streams.Count && _bytes < _window && report is null; i++)
        {
            report = Read(streams[(_turn + i) % streams.Count]);
            _turn = report is null ? _turn : (_turn + i + 1) % streams.Count;
        }

        return report is not null;
    }

    private Report? Read(ReportStream stream)
    {
        var standing = _standings.GetValueOrDefault(stream.Kind);
        var whole = standing.Whole;
        if (stream.Read(standing.Cursor, ref whole, PartBytes) is not { } report)
        {
            return null;
        }

        _standings[stream.Kind] = new Standing(new StreamCursor { Kind = stream.Kind, Epoch = report.Epoch, Revision = report.To }, whole);
        var bytes = Math.Max(1, report.Changes.Sum(c => c.Object.Length + c.Name.Length + c.Namespace.Length));
        _onTheWay.Add((report.Kind, report.Epoch, report.To, bytes));
        _bytes += bytes;
        return report;
    }

    private void Begin(Follow follow)
    {
        _window = (int)Math.Clamp(follow.WindowBytes, LeastWindow, MostWindow);
        _onTheWay.Clear();
        _bytes = 0;
        _standings.Clear();
        foreach (var cursor in follow.Cursors)
        {
            _standings[cursor.Kind] = new Standing(cursor, 0);
        }
    }

    private readonly record struct Standing(StreamCursor? Cursor, ulong Whole);
}
