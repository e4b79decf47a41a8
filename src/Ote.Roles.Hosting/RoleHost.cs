using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ote.Roles.Hosting;

/// <summary>What every role has: logs, meters, a clock, and a clean way to stop.</summary>
internal sealed class RoleHost : IDisposable
{
    // By then a link to the parent, if it can be had at once, is up.
    private static readonly TimeSpan SettleAfter = TimeSpan.FromSeconds(2);

    // Of many occasions in a row the last counts, but none waits for longer than this.
    private static readonly TimeSpan SettleWithin = TimeSpan.FromSeconds(10);

    private readonly ServiceProvider _services;
    private readonly CancellationTokenSource _stop = new();
#pragma warning disable RS0030 // Chance comes in here, where the process is put together.
    private readonly Random _random = new();
#pragma warning restore RS0030
    private readonly PosixSignalRegistration[] _signals;
    private int _settling;
    private long _strained;

    public RoleHost(LogLevel level, bool json)
    {
        var services = new ServiceCollection();
        services.AddMetrics();
        Logging.AddTo(services, level, json);
        _services = services.BuildServiceProvider();
        Loggers = _services.GetRequiredService<ILoggerFactory>();
        Meters = _services.GetRequiredService<IMeterFactory>();
        _signals = [Register(PosixSignal.SIGINT), Register(PosixSignal.SIGTERM)];
    }

    public ILoggerFactory Loggers { get; }

    public IMeterFactory Meters { get; }

    public TimeProvider Time { get; } = TimeProvider.System;

    /// <summary>Uniform in [0, 1), from any thread.</summary>
    public double Random()
    {
        lock (_random)
        {
            return _random.NextDouble();
        }
    }

    /// <summary>
    /// Told that the role has started, or has done something large: a little later, what only that needed is given back to the system. Most of such garbage
    /// would otherwise stay for days, since an idle role allocates next to nothing and so hardly ever collects. Told again before that, it is done once, after the last.
    /// </summary>
    public void Settle()
    {
        Interlocked.Exchange(ref _strained, Time.GetTimestamp());
        if (Interlocked.Exchange(ref _settling, 1) == 0)
        {
            _ = SettleAsync();
        }
    }

    /// <summary>Fires at SIGINT or SIGTERM.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>
    /// Runs a role until it ends or is told to stop. Exit codes: 0 stopped as asked, 2 it cannot start as asked, 1 it failed.
    /// </summary>
    public static Task<int> RunAsync(LogLevel level, bool json, Func<RoleHost, Task> role) => RunAsync(level, json, async host =>
    {
        await role(host).ConfigureAwait(false);
        return 0;
    });

    /// <summary>The same of a job that ends by itself with an exit code of its own.</summary>
    public static async Task<int> RunAsync(LogLevel level, bool json, Func<RoleHost, Task<int>> job)
    {
        using var host = new RoleHost(level, json);
        try
        {
            return await job(host).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (host.Stop.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception cannot) when (RoleFaults.IsForOperator(cannot))
        {
            await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"error: {RoleFaults.Line(cannot)}")).ConfigureAwait(false);
            return 2;
        }
    }

    public void Dispose()
    {
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        _services.Dispose();
        _stop.Dispose();
    }

    private async Task SettleAsync()
    {
        try
        {
            var began = Time.GetTimestamp();
            while (SettleAfter - Time.GetElapsedTime(Interlocked.Read(ref _strained)) is var left && left > TimeSpan.Zero && Time.GetElapsedTime(began) < SettleWithin)
            {
                await Task.Delay(left, Time, Stop).ConfigureAwait(false);
            }

            Interlocked.Exchange(ref _settling, 0);
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            FilePages.Release();
        }
        catch (OperationCanceledException)
        {
            // Stopped, as asked.
        }
    }

    private PosixSignalRegistration Register(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        _stop.Cancel();
    });
}
