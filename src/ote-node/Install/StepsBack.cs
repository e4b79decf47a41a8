using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>Steps by which a node is put back: one that fails is noted, and keeps none of the others from being done, since the node would be left half way.</summary>
/// <param name="services">The machine's services.</param>
internal sealed class StepsBack(IServices services)
{
    private readonly List<string> _faults = [];

    /// <summary>What could not be done, each with the next step.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>Notes what could not be done.</summary>
    public void Fail(string fault) => _faults.Add(fault);

    /// <summary>Runs <c>systemctl</c>. Nothing that is asked to stop keeps it from that.</summary>
    public async Task RunAsync(params string[] arguments)
    {
        try
        {
            if (await services.RunAsync(arguments, CancellationToken.None).ConfigureAwait(false) is { Succeeded: false } failed)
            {
                Fail($"`systemctl {string.Join(' ', arguments)}` failed ({failed.Error}); run it by hand");
            }
        }
        catch (RoleException late)
        {
            Fail(late.Message);
        }
    }

    /// <summary>Removes a file that may be there.</summary>
    public void Remove(string file)
    {
        if (File.Exists(file))
        {
            Try(() => File.Delete(file));
        }
    }

    /// <summary>Removes a folder that may be there, with what is in it.</summary>
    public void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Try(() => Directory.Delete(folder, recursive: true));
        }
    }

    /// <summary>Does something to files.</summary>
    public void Try(Action step)
    {
        try
        {
            step();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            Fail(RoleFaults.Line(refused));
        }
    }
}
