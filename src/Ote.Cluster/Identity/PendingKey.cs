using System.Security.Cryptography;
using System.Text;

namespace Ote.Cluster.Identity;

/// <summary>The key of a cluster that is joining, kept so that an approval still fits after a restart.</summary>
internal static class PendingKey
{
    private const string FileName = "joining.key";

    public static ECDsa LoadOrCreate(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (File.Exists(path))
        {
            ECDsa key = ECDsa.Create();
            try
            {
                key.ImportFromPem(File.ReadAllText(path));
                return key;
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                key.Dispose();
                throw new IdentityException($"{path} is no key; remove it and join again", e);
            }
        }

        ECDsa made = SigningRequest.NewKey();
        PrivateFile.CreateDirectory(directory);
        PrivateFile.Write(path, Encoding.ASCII.GetBytes(made.ExportPkcs8PrivateKeyPem()));
        return made;
    }

    public static void Remove(string directory) => File.Delete(Path.Combine(directory, FileName));
}
