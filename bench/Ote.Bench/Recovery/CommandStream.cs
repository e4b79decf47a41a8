using System.Globalization;
using Ote.Bench.Root;

namespace Ote.Bench.Recovery;

/// <summary>Commands to all clusters, one after the other whatever became of those before, until it is ended.</summary>
internal sealed class CommandStream(RootServer root, int targets, TimeProvider time)
{
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(2);
    private readonly List<Task<TimeSpan>> _sent = [];

    /// <summary>Commands sent.</summary>
    public int Sent => _sent.Count;

    /// <summary>Sends until ended.</summary>
    public async Task RunAsync(CancellationToken ended, CancellationToken ct)
    {
        while (!ended.IsCancellationRequested)
        {
            // A body of its own, by which a cluster would know that it was asked twice.
            var name = string.Create(CultureInfo.InvariantCulture, $"stream-{_sent.Count}");
            _sent.Add(root.CommandAsync(name, $"{{\"command\":\"{name}\"}}", targets, ct));
            try
            {
                await Task.Delay(Between, time, ended);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>Waits for all ends; how many ended with an answer of every target.</summary>
    public async Task<int> EndedAsync(TimeSpan patience, CancellationToken ct)
    {
        try
        {
            await Task.WhenAll(_sent).WaitAsync(patience, time, ct);
        }
        catch (Exception late) when (late is TimeoutException or BenchException)
        {
            await Console.Error.WriteLineAsync(late.Message);
        }

        return _sent.Count(s => s.IsCompletedSuccessfully);
    }
}
