using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Handling;
using Ote.Kube.Client;

namespace Ote.Bench;

/// <summary>What every benchmark gets from its process: clock, chance, meters and a folder that is removed at the end.</summary>
internal sealed class Surroundings : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Random _random = new();

    /// <summary>Removed with this.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("ote-bench-").FullName;

    public TimeProvider Time { get; } = TimeProvider.System;

    public ILoggerFactory Loggers { get; } = NullLoggerFactory.Instance;

    public IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    public double Random()
    {
        lock (_random)
        {
            return _random.NextDouble();
        }
    }

    public ClusterControllerParts Parts(KubeClient? control = null) => new(Loggers, Meters, Time, Random) { ControlApi = control, ControlApiNamesRequester = true };

    public void Dispose()
    {
        _services.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
