using System.CommandLine;
using Ote.Mirror.Applying;
using Ote.Roles.Hosting;

namespace Ote.Roles.ClusterController;

/// <summary>How much is kept of what clusters reported earlier.</summary>
internal sealed class HistoryOptions
{
    private const long LeastBytes = 1024 * 1024;
    private static readonly TimeSpan Least = TimeSpan.FromMinutes(10);

    private readonly Option<string?> _kept = new("--history") { Description = "With --serve: how long former states of what clusters report are kept, such as 1d (the default) or 7d" };
    private readonly Option<long?> _bytes = new("--history-max-bytes") { Description = "With --serve: how many bytes of them are kept at most, 1073741824 unless told otherwise; the oldest go first" };

    public void AddTo(Command command)
    {
        command.Add(_kept);
        command.Add(_bytes);
    }

    /// <summary>The mirror's options, without its folder.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="shows">Whether there is a mirror.</param>
    /// <exception cref="RoleException">What is wrong with them.</exception>
    public MirrorOptions Read(ParseResult parsed, bool shows)
    {
        var (kept, bytes) = (CommonOptions.Duration(parsed, _kept), parsed.GetValue(_bytes));
        if (!shows && (kept is not null || bytes is not null))
        {
            throw new RoleException($"{(kept is not null ? _kept.Name : _bytes.Name)}: this controller keeps nothing of what clusters below it report; give --serve, or leave it out");
        }

        if (kept < Least)
        {
            throw new RoleException($"{_kept.Name}: '{parsed.GetValue(_kept)}' is too short, a watch that was cut off goes on by what is kept; give 10m or more");
        }

        if (bytes < LeastBytes)
        {
            throw new RoleException($"{_bytes.Name}: {bytes} is too little, a watch that was cut off goes on by what is kept; give {LeastBytes} or more");
        }

        var usual = new MirrorOptions();
        return usual with { HistoryKept = kept ?? usual.HistoryKept, HistoryBytes = bytes ?? usual.HistoryBytes };
    }
}
