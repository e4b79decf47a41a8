using Microsoft.Extensions.Logging.Abstractions;
using Ote.Flow;
using Ote.Shim;
using Ote.Shim.Hosting;
using Ote.Shim.Remote;

namespace Ote.Tests.Shim;

/// <summary>A socket in a folder of its own, with a host and a client for it; all gone when disposed.</summary>
internal sealed class ShimLink : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-shim-").FullName;

    public ShimLink() => Remote = NewRemote();

    public string SocketPath => Path.Combine(_folder, "s", "shim.sock");

    public ShimAddress Address => ShimAddress.Parse("unix:" + SocketPath);

    public RemoteShim Remote { get; }

    public ShimHost? Host { get; private set; }

    public static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<ShimLink> StartAsync(IClusterShim shim)
    {
        ShimLink link = new();
        await link.ServeAsync(shim);
        return link;
    }

    public async Task ServeAsync(IClusterShim shim) =>
        Host = await ShimHost.StartAsync(shim, new ShimHostOptions { Listen = Address, StopGrace = TimeSpan.FromSeconds(2) }, NullLoggerFactory.Instance, Stop);

    public async Task StopServingAsync()
    {
        if (Host is not null)
            await Host.DisposeAsync();
        Host = null;
    }

    public RemoteShim NewRemote() => new(
        new RemoteShimOptions { Address = Address, Reconnect = new BackoffOptions(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(20)), Grace = TimeSpan.FromMilliseconds(200) },
        TimeProvider.System, () => 0.5, NullLogger<RemoteShim>.Instance);

    public async ValueTask DisposeAsync()
    {
        await Remote.DisposeAsync();
        await StopServingAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
