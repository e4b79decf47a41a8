using System.Globalization;

namespace Ote.Testing.Kubernetes;

/// <summary>A folder of its own in the temporary folder, removed on disposal. Its name holds this process's id.</summary>
public sealed class Scratch : IDisposable
{
    private const string Prefix = "ote-";
    private const int Attempts = 20;

    public Scratch(string purpose)
    {
        Path = Directory.CreateTempSubdirectory($"{Prefix}{Environment.ProcessId}-{purpose}-").FullName;
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Removes the folders of test processes that were killed before they could.</summary>
    public static void Sweep()
    {
        foreach (string folder in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), Prefix + "*-*-*"))
        {
            string owner = System.IO.Path.GetFileName(folder).Split('-')[1];
            if (int.TryParse(owner, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && !Directory.Exists($"/proc/{id}"))
                Remove(folder);
        }
    }

    public void Dispose() => Remove(Path);

    private static void Remove(string folder)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
                return;
            }
            catch (DirectoryNotFoundException)
            {
                return; // Two test processes swept at once.
            }
            catch (IOException) when (attempt < Attempts)
            {
                // A process that was told to end has just written one more file.
            }
        }
    }
}
